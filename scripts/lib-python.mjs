// The Python package of this checkout in a virtual environment.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib.mjs';

const WINDOWS = process.platform === 'win32';
const PYTHON = WINDOWS ? 'python' : 'python3';
const PACKAGE = join(ROOT, 'client', 'python');
const CONSTRAINTS = join(PACKAGE, 'tests', 'constraints.txt');
const USABLE = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))';

/** What is missing; undefined where nothing is. */
export const pythonMissing = () =>
  spawnSync(PYTHON, ['-c', USABLE]).status === 0 ? undefined : `needs ${PYTHON} 3.10 or later with venv`;

/**
 * Installs a wheel of client/python into a new environment in `folder`; returns its Python. Its dependencies are those of
 * tests/constraints.txt, or with `newest` the newest that it allows.
 */
export function makeEnvironment(folder, { newest = false } = {}) {
  step(PYTHON, ['-m', 'venv', join(folder, 'venv')]);
  const python = pythonOf(folder);
  const wheels = join(folder, 'wheels');
  step(python, ['-m', 'pip', 'wheel', '--quiet', '--no-deps', '--wheel-dir', wheels, PACKAGE]);
  const [wheel] = readdirSync(wheels);
  const constraints = newest ? [] : ['--constraint', CONSTRAINTS];
  step(python, ['-m', 'pip', 'install', '--quiet', ...constraints, join(wheels, wheel)]);
  return python;
}

/** An environment that stays until the package changes; returns its Python. */
export function keptEnvironment() {
  const folder = join(ROOT, 'node_modules', '.cache', 'depthcast-python');
  const mark = join(folder, 'installed');
  const source = join(PACKAGE, 'src', 'depthcast');
  const state = [CONSTRAINTS, ...readdirSync(source).map((name) => join(source, name))]
    .map((path) => `${path} ${statSync(path).mtimeMs}`)
    .join('\n');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === state) return pythonOf(folder);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const python = makeEnvironment(folder);
  writeFileSync(mark, state);
  return python;
}

const pythonOf = (folder) => join(folder, 'venv', WINDOWS ? 'Scripts' : 'bin', WINDOWS ? 'python.exe' : 'python');

function step(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.slice(0, 4).join(' ')} ended with ${status}`);
}
