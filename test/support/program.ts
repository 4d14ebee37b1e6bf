import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const { BUILT_SERVER: build } = process.env;

/** What node is given to run the `depthcast` command in the repository's root: the build that npm test has made, else the source. */
export const PROGRAM: readonly string[] = build
  ? [join(build, 'cli', 'main.js')]
  : ['--import', 'tsx', 'src/cli/main.ts'];

export interface Printed {
  out: string;
  err: string;
  /** Both, in the order in which they came. */
  all: string;
}

export interface Running {
  child: ChildProcess;
  /** So far. */
  printed: Readonly<Printed>;
  ended: Promise<Printed & { code: number | null; signal: NodeJS.Signals | null }>;
}

/** Runs the `depthcast` command as a shell does, with an empty standard input unless it is to be written. */
export function startProgram(
  args: readonly string[],
  { env, stdin = 'ignore' }: { env?: Record<string, string>; stdin?: 'ignore' | 'pipe' } = {},
): Running {
  const child = spawn(process.execPath, [...PROGRAM, ...args], {
    cwd: new URL('../..', import.meta.url),
    env: { ...process.env, ...env },
    stdio: [stdin, 'pipe', 'pipe'],
  });
  const printed: Printed = { out: '', err: '', all: '' };
  const take = (name: 'out' | 'err') => (text: string) => {
    printed[name] += text;
    printed.all += text;
  };
  child.stdout!.setEncoding('utf8').on('data', take('out'));
  child.stderr!.setEncoding('utf8').on('data', take('err'));
  const ended = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(([code, signal]) => ({
    ...printed,
    code,
    signal,
  }));
  return { child, printed, ended };
}
