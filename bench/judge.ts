import { seeded } from '../test/depth-map.ts';
import { type Measured, median, type Run } from './record.ts';

const RESAMPLES = 2000;
const SEED = 0x5eed;
/** Fewer runs than these say nothing about their spread. */
const FEWEST = 5;
/** Ratios nearer to 1 than this are not told apart, whatever the interval. */
const MIN_CHANGE = 0.02;

export type Verdict = 'slower' | 'quicker' | 'the same' | 'too few runs';

export interface Judged {
  name: string;
  unit: string;
  /** Medians of the runs. */
  before: number;
  after: number;
  /** After over before, or the other way round where more is better: above 1 is worse. With the ends of its 95 % interval. */
  ratio: number;
  low: number;
  high: number;
  verdict: Verdict;
}

/**
 * Whether something became slower by more than noise: for each number that both have, the ratio of medians with a 95 %
 * percentile interval of a bootstrap over whole runs. Samples of one run share that run's luck, so they are no runs.
 * @param paired run i of both was measured side by side: the ratio is then that of each pair, which what the machine did meanwhile
 *   hits on both sides
 */
export function judge(before: readonly Run[], after: readonly Run[], paired: boolean): Judged[] {
  const names = Object.keys(after[0] ?? {}).filter((name) => before.some((run) => run[name]));
  return names.map((name) => {
    const old = before.flatMap((run) => run[name] ?? []);
    const now = after.flatMap((run) => run[name] ?? []);
    return judgeOne(name, old, now, paired && old.length === now.length);
  });
}

function judgeOne(name: string, old: readonly Measured[], now: readonly Measured[], paired: boolean): Judged {
  const { unit, better } = now[0]!;
  const [a, b] = [values(old), values(now)];
  const worse = (x: number, y: number) => (better === 'less' ? y / x : x / y);
  const pairs = paired ? a.map((value, i) => worse(value, b[i]!)) : [];
  const ratio = paired ? median(pairs) : worse(median(a), median(b));
  const random = seeded(SEED);
  const ratios = Float64Array.from({ length: RESAMPLES }, () =>
    paired ? median(resample(pairs, random)) : worse(median(resample(a, random)), median(resample(b, random))),
  ).sort();
  const [low, high] = [ratios[Math.floor(0.025 * RESAMPLES)]!, ratios[Math.ceil(0.975 * RESAMPLES) - 1]!];
  const verdict = Math.min(a.length, b.length) < FEWEST ? 'too few runs' : verdictOf(low, high);
  return { name, unit, before: median(a), after: median(b), ratio, low, high, verdict };
}

function verdictOf(low: number, high: number): Verdict {
  if (low > 1 + MIN_CHANGE) return 'slower';
  return high < 1 - MIN_CHANGE ? 'quicker' : 'the same';
}

const values = (measured: readonly Measured[]) => measured.map(({ value }) => value);

const resample = (list: readonly number[], random: () => number) =>
  list.map(() => list[Math.floor(random() * list.length)]!);
