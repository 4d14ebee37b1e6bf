import { type ChildProcess, fork } from 'node:child_process';
import { compiledModule } from './threads.ts';

/** ms that a process has to end in. */
const KILL_MS = 2000;
/** Of what a process that crashed printed, characters. */
const MAX_PRINTED = 400;

/**
 * Starts the module `name` (without extension) that lies beside `from` in a process of its own. The server's secrets are none of its
 * business.
 */
export function startProcess(from: string, name: string): ChildProcess {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(DEPTHCAST|LIVEKIT)_/.test(key)));
  const compiled = compiledModule(from, name);
  return fork(compiled ?? new URL(`${name}.ts`, from), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: compiled ? [] : ['--import', import.meta.resolve('tsx')],
    env,
  });
}

/**
 * Tells how a process ended, or that it did not start, with the last that it printed; also of one that was asked to end.
 * @param what it is, as `its reader`
 */
export function onProcessEnd(child: ChildProcess, what: string, ended: (problem: string) => void): void {
  let printed = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    printed = (printed + text).slice(-MAX_PRINTED);
  });
  child.on('error', (error) => ended(`${what} did not start: ${error.message}`));
  child.once('exit', (code, signal) =>
    ended(`${what} ended unexpectedly (${signal ?? code}) ${printed.trim()}`.trim()),
  );
}

/** Lets a process say goodbye; one that does not is ended. */
export function endProcess(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), KILL_MS);
  timer.unref();
  child.once('exit', () => clearTimeout(timer));
}
