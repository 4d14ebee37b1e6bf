import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

const FORMAT = 'depthcast-bench-1';

/** One number of one run. */
export interface Measured {
  value: number;
  unit: string;
  /** Which of two is the better one. */
  better: 'less' | 'more';
}

/** Numbers of one run by name, as "live: main thread, CPU a frame". */
export type Run = Record<string, Measured>;

/** What `--json` writes. */
export interface RunFile {
  format: typeof FORMAT;
  machine: { processor: string; cores: number; node: string };
  /** Of the checkout; null outside of one. */
  commit: string | null;
  sections: string[];
  runs: Run[];
}

const run: Run = {};

/** Notes a number of this run for `--json` and `compare`. Medians of many samples, so that single hitches do not count. */
export function record(name: string, value: number, unit: string, better: Measured['better'] = 'less'): void {
  if (Number.isFinite(value)) run[name] = { value, unit, better };
}

/** The numbers of this run so far. */
export const recorded = (): Run => run;

export function writeRuns(file: string, sections: readonly string[], runs: Run[]): void {
  const machine = { processor: cpus()[0]?.model.trim() ?? '', cores: cpus().length, node: process.version };
  const content: RunFile = { format: FORMAT, machine, commit: commit(), sections: [...sections], runs };
  writeFileSync(file, `${JSON.stringify(content, undefined, 1)}\n`);
}

/** @throws Error that says what is wrong with the file */
export function readRuns(file: string): RunFile {
  let content: Partial<RunFile>;
  try {
    content = JSON.parse(readFileSync(file, 'utf8')) as Partial<RunFile>;
  } catch (thrown) {
    throw new Error(`${file}: ${(thrown as Error).message}`);
  }
  if (content?.format !== FORMAT || !Array.isArray(content.runs) || !Array.isArray(content.sections))
    throw new Error(`${file} is not what "npm run bench -- SECTION --json FILE" writes`);
  return content as RunFile;
}

function commit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}

/** Between the two in the middle of an even number. */
export function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
