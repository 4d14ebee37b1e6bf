// npm run example -- NAME: runs a program of client/examples, with a depth server of its own unless --server names one.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled, ROOT, say } from './lib.mjs';
import { serveExample } from './lib-example.mjs';
import { keptEnvironment, pythonMissing } from './lib-python.mjs';

const FOLDER = join(ROOT, 'client', 'examples');
const SERVER_PORT = 8177;
/** They run where something is installed that cannot be installed here. */
const ELSEWHERE = ['ros2'];
const names = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !ELSEWHERE.includes(entry.name))
  .map(({ name }) => name);
const [name, ...rest] = process.argv.slice(2);
const page = name !== undefined && existsSync(join(FOLDER, name, 'index.html'));
const usage = `npm run example -- NAME [--server URL] [--port PORT]\n\n  NAME   ${names.join(', ')}
  --server URL   a running depth server; without, one is started
  --port PORT    of the example's page; default 8178\n\nWhat else an example takes it says itself: npm run example -- NAME --help`;

if (!names.includes(name)) {
  console.error(name && name !== '--help' && name !== '-h' ? `unknown example: ${name}\n\n${usage}` : usage);
  process.exit(name === '--help' || name === '-h' ? 0 : 1);
}
if (page && rest.some((argument) => argument === '--help' || argument === '-h')) {
  console.log(usage);
  process.exit(0);
}
const options = { server: { type: 'string' }, port: { type: 'string', default: '8178' } };
const { values } = parseArgs({ args: rest, options, strict: page, allowPositionals: !page });

ensureInstalled();
if (readdirSync(join(FOLDER, name)).some((file) => file.endsWith('.py'))) {
  const missing = pythonMissing();
  if (missing) {
    console.error(missing);
    process.exit(1);
  }
}
const own = values.server === undefined && !rest.includes('--help') ? await startServer() : undefined;
const server = values.server ?? `http://127.0.0.1:${SERVER_PORT}`;
const ended = page ? await showPage() : await runProgram();
own?.kill('SIGTERM');
process.exit(ended);

/** Until Ctrl-C. */
async function showPage() {
  const { url, close } = await serveExample(name, server, { port: Number(values.port) });
  say(`${name}: ${url}   (without a camera: ${url}?source=scene:person; Ctrl-C ends it)`);
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve);
    own?.once('exit', resolve);
  });
  await close();
  return 0;
}

function runProgram() {
  const python = readdirSync(join(FOLDER, name)).find((file) => file.endsWith('.py'));
  const args = values.server === undefined ? ['--server', server, ...rest] : rest;
  const [command, ...first] = python
    ? [keptEnvironment(), join(FOLDER, name, python)]
    : [process.execPath, '--import', 'tsx', join(FOLDER, name, 'main.ts')];
  const child = spawn(command, [...first, ...args], {
    stdio: 'inherit',
    env: { ...process.env, TSX_TSCONFIG_PATH: join(ROOT, 'client', 'tsconfig.json') },
  });
  // Ctrl-C reaches the program too; it ends by itself.
  process.on('SIGINT', () => {});
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

async function startServer() {
  ensureBuilt();
  const args = ['dist/server/cli/main.js', 'serve', '--port', `${SERVER_PORT}`, '--log-level', 'warn'];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit', detached: process.platform !== 'win32' });
  for (;;) {
    if (child.exitCode !== null) process.exit(child.exitCode);
    const ready = await fetch(`http://127.0.0.1:${SERVER_PORT}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return child;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
