import type { Difference, Evaluation } from '../evaluation/evaluate.ts';
import { SCORE_COLUMNS, type Scores } from '../evaluation/results.ts';
import { printTable } from './table.ts';
import { say, style } from './terminal.ts';

const number = (value: number | undefined, digits: number): string =>
  value === undefined || !Number.isFinite(value) ? '-' : value.toFixed(digits);

/** Prints what was found: sequence by sequence, means, differences. */
export function printEvaluation({ contenders, sequences, means, differences }: Evaluation): void {
  const several = contenders.length > 1;
  const metric = contenders.some(({ unit }) => unit === 'metres');
  // As terminals and what reads them can have it.
  const titles = SCORE_COLUMNS.map(({ title, fit }) => `${title.replace('δ', 'd')}${fit ? `/${fit}` : ''}`);
  const heading = ['sequence', ...(several ? ['model'] : []), ...titles];
  const row = (name: string, label: string, scores: Scores) => [
    name,
    ...(several ? [label] : []),
    ...SCORE_COLUMNS.map(({ of, digits }) => number(of(scores), digits)),
  ];
  const rows = sequences.flatMap((sequence) =>
    sequence.contenders.map((result, n) => row(n === 0 ? sequence.name : '', result.label, result)),
  );
  if (sequences.length > 1)
    rows.push(...means.map((mean, n) => row(n === 0 ? `mean of ${sequences.length}` : '', mean.label, mean)));
  if (several)
    for (const { label, description } of contenders)
      if (label !== description) say(`${style.bold(label)}  ${style.dim(description)}`);
  if (!several && contenders[0]) say(`${style.bold(contenders[0].label)}  ${style.dim(contenders[0].description)}`);
  say('');
  printTable(heading, rows);
  say(
    '',
    style.dim(
      `AbsRel to RMSE: one scale and shift in disparity for the clip${metric ? '; models that give metres: as they are' : ''}. /frame, /first: fitted to each frame, to the first alone.`,
    ),
  );
  const floors = sequences.flatMap(({ name, truthTae }) =>
    truthTae === undefined ? [] : [`${name} ${number(truthTae, 2)}`],
  );
  if (floors.length > 0) say(style.dim(`TAE of the truth itself: ${floors.join(', ')}`));
  for (const { name, frames, judged } of sequences)
    if (judged < frames) say(style.yellow(`${name}: ${frames - judged} of ${frames} frames have no depth that counts`));
  if (differences.length > 0) printDifferences(differences);
}

function printDifferences(differences: readonly Difference[]): void {
  say(
    '',
    `${style.bold('Paired differences')} ${style.dim(`to ${differences[0]!.against}; 95 % by moving blocks of frames`)}`,
    '',
  );
  printTable(
    ['model', 'measure', 'difference', '95 % interval', '', 'frames'],
    differences.map((difference, n) => {
      const { label, measure, mean, low, high, frames } = difference;
      const signed = (value: number) => (value < 0 ? '' : '+') + value.toFixed(4);
      return [
        n > 0 && differences[n - 1]!.label === label ? '' : label,
        measure,
        signed(mean),
        Number.isFinite(low) ? `${signed(low)} to ${signed(high)}` : 'too few frames',
        verdict(difference),
        String(frames),
      ];
    }),
  );
}

/** What an interval says: nothing where it holds 0. */
export function verdict({ low, high, lowerIsBetter }: Pick<Difference, 'low' | 'high' | 'lowerIsBetter'>): string {
  if (!(low > 0 || high < 0)) return 'not told apart';
  return low > 0 === lowerIsBetter ? 'worse' : 'better';
}
