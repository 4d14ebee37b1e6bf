// What the npm scripts share. Plain JavaScript and Node alone: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

/**
 * Installs the locked packages unless that was done for this very lock file: with `npm ci` where there are none yet, else
 * by adding and removing what differs, so that what runs in this folder keeps its modules.
 */
export function ensureInstalled() {
  const modules = join(ROOT, 'node_modules');
  const stamp = join(modules, '.depthcast-installed');
  const wanted = digestFiles(['package-lock.json', 'package.json', '.npmrc']);
  if (read(stamp) === wanted) return;
  const update = () => npm('install', '--no-save');
  let done;
  if (existsSync(modules)) {
    say('Updating packages to the lock file');
    done = update();
  } else {
    say('Installing packages (once; about 900 MB, most of it onnxruntime and FFmpeg; npm says nothing for minutes)');
    done = npm('ci');
    if (!done) {
      say('npm ci failed, for the reason above: trying npm install, which also follows the lock file where it can');
      done = update();
    }
  }
  if (!done) {
    console.error(
      'The packages could not be installed; npm says why above. It needs its registry and about 2 GB of disk.',
    );
    process.exit(1);
  }
  // Not written over: the file may be a hard link that a copy of this folder shares.
  rmSync(stamp, { force: true });
  writeFileSync(stamp, wanted);
}

function npm(...args) {
  const options = { stdio: 'inherit', cwd: ROOT, shell: process.platform === 'win32' };
  const { status, signal, error } = spawnSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], options);
  if (error) console.error(`npm: ${error.message}`);
  if (signal === 'SIGINT') process.exit(130);
  return status === 0;
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
  // Nothing is left behind of a source that was renamed.
  rmSync(join(ROOT, 'dist', 'server'), { recursive: true, force: true });
  runPackage('typescript', ['-p', 'tsconfig.build.json']);
  // What stands beside the sources and is not compiled, such as WebAssembly modules.
  cpSync(join(ROOT, 'src'), join(ROOT, 'dist', 'server'), {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || !path.endsWith('.ts'),
  });
  say('Building the client');
  runPackage('vite', ['build', '--config', 'vite.config.ts', '--logLevel', 'warn']);
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Made from the sources, and beside them. */
const MADE = new Set(['dist', 'LICENSE', 'THIRD-PARTY.md', 'build']);

function digestFiles(paths) {
  const hash = createHash('sha256').update(process.version);
  const visit = (path) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort())
        if (!name.endsWith('.test.ts') && !MADE.has(name)) visit(join(path, name));
    } else hash.update(relative(ROOT, path)).update(readFileSync(path));
  };
  for (const path of paths) visit(join(ROOT, path));
  return hash.digest('hex');
}
