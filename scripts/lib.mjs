// What the npm scripts share. Plain JavaScript and Node alone: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`depthcast needs Node 20.19 or newer; this is ${process.version}. See https://nodejs.org`);
  process.exit(1);
}
process.chdir(ROOT);

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
export const say = (text) => console.log(colour ? `\x1b[36m▸\x1b[0m ${text}` : `> ${text}`);

/** Runs a command with our terminal and ends this process with its status if it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', cwd: ROOT, ...options });
  if (error) {
    console.error(`${command}: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}

/** Runs a program of an installed package, without npx. */
export function runPackage(name, args, options) {
  const folder = join(ROOT, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = typeof bin === 'string' ? bin : Object.values(bin)[0];
  run(process.execPath, [join(folder, file), ...args], options);
}

/** Installs the locked packages unless that was done for this very lock file. */
export function ensureInstalled() {
  const stamp = join(ROOT, 'node_modules', '.depthcast-installed');
  const wanted = digestFiles(['package-lock.json', 'package.json', '.npmrc']);
  if (read(stamp) === wanted) return;
  say('Installing packages (once; about 800 MB, most of it onnxruntime and FFmpeg)');
  // Not `npm ci`: it refuses a lock file that was written where other platforms' binaries cannot be seen. This follows
  // the lock file just as well, adds what this platform needs, and with --no-save leaves the file as it is.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    shell: process.platform === 'win32',
  });
  writeFileSync(stamp, wanted);
}

/** Builds server and client into dist/ unless nothing that they are made of has changed. */
export function ensureBuilt() {
  const stamp = join(ROOT, 'dist', '.built');
  const sources = ['src', 'client', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'vite.config.ts'];
  const wanted = digestFiles(sources);
  if (read(stamp) === wanted) return;
  build();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

export function build() {
  say('Building the server');
  runPackage('typescript', ['-p', 'tsconfig.build.json']);
  cpSync(join(ROOT, 'src/webrtc/engine/transport.wasm'), join(ROOT, 'dist/server/webrtc/engine/transport.wasm'));
  say('Building the client');
  runPackage('vite', ['build', '--config', 'vite.config.ts', '--logLevel', 'warn']);
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function digestFiles(paths) {
  const hash = createHash('sha256').update(process.version);
  const visit = (path) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) if (!name.endsWith('.test.ts')) visit(join(path, name));
    } else hash.update(relative(ROOT, path)).update(readFileSync(path));
  };
  for (const path of paths) visit(join(ROOT, path));
  return hash.digest('hex');
}
