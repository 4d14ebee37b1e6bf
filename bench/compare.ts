import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { printMarkdown, printTable } from '../test/support/load/table.ts';
import { judge } from './judge.ts';
import { type Run, type RunFile, readRuns } from './record.ts';

const DEFAULT_ROUNDS = 5;
/** What is compared where nobody says. */
const DEFAULT_SECTIONS = ['inference', 'floor'];

export interface CompareOptions {
  /** What `--json` wrote, or the folder of another checkout, with its packages installed. */
  old: string;
  sections: readonly string[];
  rounds: number | undefined;
  /** Of the sections. */
  args: readonly string[];
  markdown: boolean | undefined;
}

/**
 * Compares this checkout with earlier runs, or with another checkout in turns.
 * @returns whether something is slower by more than noise
 * @throws Error where there is nothing to compare with
 */
export async function compare({ old, sections, rounds, args, markdown }: CompareOptions): Promise<boolean> {
  if (!existsSync(old)) throw new Error(`${old}: there is no such file or folder`);
  const folder = statSync(old).isDirectory() ? resolve(old) : undefined;
  const file = folder === undefined ? readRuns(old) : undefined;
  if (file) warnOfMachine(file);
  const chosen = sections.length > 0 ? sections : (file?.sections ?? DEFAULT_SECTIONS);
  const count = rounds ?? (file ? Math.max(DEFAULT_ROUNDS, file.runs.length) : DEFAULT_ROUNDS);
  const before: Run[] = file?.runs ?? [];
  const after: Run[] = [];
  for (let round = 0; round < count; round++) {
    console.error(`round ${round + 1} of ${count}: ${chosen.join(' ')}`);
    const now = async () => after.push(...(await runSections(process.cwd(), chosen, args)));
    const then = async () => folder && before.push(...(await runSections(folder, chosen, args)));
    // Whoever goes first finds another machine than who goes second: they take turns at that too.
    for (const side of round % 2 === 0 ? [then, now] : [now, then]) await side();
  }
  const judged = judge(before, after, folder !== undefined);
  if (judged.length === 0) throw new Error(`${old} and this checkout have no number in common`);
  const print = markdown ? printMarkdown : printTable;
  print(
    `Against ${folder ?? `${old} (${file?.commit?.slice(0, 8) ?? 'no commit'})`}: ratio above 1 is worse`,
    ['', 'unit', 'before', 'now', 'ratio', '95 %', ''],
    judged.map(({ name, unit, before, after, ratio, low, high, verdict }) => {
      const interval = `${low.toFixed(2)} to ${high.toFixed(2)}`;
      return [name, unit, before, after, ratio.toFixed(2), interval, verdict];
    }),
  );
  const slower = judged.filter(({ verdict }) => verdict === 'slower').map(({ name }) => name);
  if (judged.some(({ verdict }) => verdict === 'too few runs'))
    console.log('\n  Too few runs to tell: at least five of each.');
  else console.log(`\n  Slower by more than noise: ${slower.join('; ') || 'nothing'}.`);
  return slower.length > 0;
}

/**
 * The sections' numbers, each round of a process of its own: what one process was lucky with, its next runs are too.
 * @throws Error when the process fails
 */
export async function runSections(
  folder: string,
  sections: readonly string[],
  args: readonly string[],
): Promise<Run[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'depthcast-bench-'));
  const file = join(scratch, 'run.json');
  try {
    const child = spawn(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...sections, ...args, '--json', file], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const stop = () => child.kill('SIGTERM');
    process.once('SIGINT', stop).once('SIGTERM', stop);
    const code = await new Promise((done) => child.once('close', done));
    process.off('SIGINT', stop).off('SIGTERM', stop);
    if (code !== 0) throw new Error(`the bench of ${folder} ended with ${code}; does it know --json?`);
    return readRuns(file).runs;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function warnOfMachine({ machine }: RunFile): void {
  if (machine.node !== process.version) console.error(`measured with Node ${machine.node}, this is ${process.version}`);
}
