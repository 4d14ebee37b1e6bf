import { type ChildProcess, fork } from 'node:child_process';

/** ms that a process has to end in. */
const KILL_MS = 2000;

/**
 * Starts the module `name` (without extension) that lies beside `from` in a process of its own. The server's secrets are none of its
 * business.
 */
export function startProcess(from: string, name: string): ChildProcess {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(DEPTHCAST|LIVEKIT)_/.test(key)));
  const source = from.endsWith('.ts');
  return fork(new URL(`${name}.${source ? 'ts' : 'js'}`, from), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: source ? ['--import', import.meta.resolve('tsx')] : [],
    env,
  });
}

/** Lets a process say goodbye; one that does not is ended. */
export function endProcess(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), KILL_MS);
  timer.unref();
  child.once('exit', () => clearTimeout(timer));
}
