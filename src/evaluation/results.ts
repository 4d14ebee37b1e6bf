import type { AlignBy } from './align.ts';
import type { DepthErrors } from './metrics.ts';

/** How predictions became metres; `none` for models that give metres. */
export type Alignment = AlignBy | 'none';

/** One frame of one contender. */
export interface FrameResult {
  /** Undefined where no pixel has a truth. */
  errors: Partial<Record<Alignment, DepthErrors>> | undefined;
  /** Scale and shift that fit this frame alone. */
  scale: number;
  shift: number;
  /** Temporal error between the frame before and this one, in percent. */
  tae: number | undefined;
  /** Temporal gradient error between the frame before and this one, in percent of the clip's range of disparity. */
  temporalGradient: number | undefined;
  /** Depth Pro's boundary F1, 0 to 1. */
  boundary: number | undefined;
  milliseconds: number | undefined;
  epoch: number;
}

/** What one contender reached, over a sequence or as a mean over sequences. Undefined where it cannot be measured. */
export interface Scores {
  errors: Partial<Record<Alignment, DepthErrors>>;
  /** Temporal alignment error in percent; of metric models without alignment, else by clip. */
  tae: number | undefined;
  /** Temporal gradient error in percent of the range of disparity, in the same alignment. */
  temporalGradient: number | undefined;
  /** Depth Pro's boundary F1, 0 to 1, where truth is dense. */
  boundary: number | undefined;
  /** Share of the prediction's range by which a resting picture changes from frame to frame. */
  flicker: number | undefined;
  /** Median of a frame. */
  milliseconds: number | undefined;
}

export interface ContenderResult extends Scores {
  label: string;
  /** Of its maps. */
  network: { width: number; height: number };
  frames: FrameResult[];
}

export interface SequenceResult {
  name: string;
  frames: number;
  /** Frames in which at least one pixel has a truth. */
  judged: number;
  width: number;
  height: number;
  fps: number;
  maxDepth: number;
  takes: number[];
  /** Temporal error of the truth itself, in percent: what a perfect model would be told. */
  truthTae: number | undefined;
  contenders: ContenderResult[];
}

/** The alignment that a contender is first judged by. */
export const mainAlignment = (errors: Partial<Record<Alignment, unknown>>): Alignment =>
  'none' in errors ? 'none' : 'clip';

/** A score as tables show it. */
export interface ScoreColumn {
  title: string;
  /** What it is fitted to, where that is not the clip. */
  fit?: 'frame' | 'first';
  /** Behind the point. */
  digits: number;
  of(scores: Scores): number | undefined;
}

const main = ({ errors }: Scores): DepthErrors | undefined => errors[mainAlignment(errors)];
const error = (title: string, key: keyof DepthErrors): ScoreColumn => ({
  title,
  digits: 3,
  of: (scores) => main(scores)?.[key],
});
const fitted = (title: string, fit: 'frame' | 'first', key: keyof DepthErrors): ScoreColumn => ({
  title,
  fit,
  digits: 3,
  of: ({ errors }) => errors[fit]?.[key],
});
export const SCORE_COLUMNS: readonly ScoreColumn[] = [
  error('AbsRel', 'absRel'),
  error('δ1', 'delta1'),
  error('δ2', 'delta2'),
  error('δ3', 'delta3'),
  error('RMSE m', 'rmse'),
  fitted('AbsRel', 'frame', 'absRel'),
  fitted('δ1', 'frame', 'delta1'),
  fitted('AbsRel', 'first', 'absRel'),
  fitted('δ1', 'first', 'delta1'),
  { title: 'TAE %', digits: 2, of: ({ tae }) => tae },
  { title: 'TG %', digits: 2, of: ({ temporalGradient }) => temporalGradient },
  { title: 'edge F1', digits: 3, of: ({ boundary }) => boundary },
  { title: 'flicker %', digits: 3, of: ({ flicker }) => (flicker === undefined ? undefined : 100 * flicker) },
  { title: 'ms', digits: 1, of: ({ milliseconds }) => milliseconds },
];

/** Mean of the numbers that are there; undefined without any. */
export function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value): value is number => value !== undefined && Number.isFinite(value));
  return known.length === 0 ? undefined : known.reduce((a, b) => a + b, 0) / known.length;
}

/** Mean of errors, number by number; undefined without any. */
export function meanErrors(list: readonly (DepthErrors | undefined)[]): DepthErrors | undefined {
  const known = list.filter((errors) => errors !== undefined);
  if (known.length === 0) return undefined;
  const mean = (key: keyof DepthErrors) => known.reduce((sum, errors) => sum + errors[key], 0) / known.length;
  return {
    absRel: mean('absRel'),
    rmse: mean('rmse'),
    delta1: mean('delta1'),
    delta2: mean('delta2'),
    delta3: mean('delta3'),
  };
}

const ALIGNMENTS: readonly Alignment[] = ['none', 'clip', 'frame', 'first'];

/** Means by alignment. */
export function meanByAlignment(
  list: readonly (Partial<Record<Alignment, DepthErrors>> | undefined)[],
): Partial<Record<Alignment, DepthErrors>> {
  return Object.fromEntries(
    ALIGNMENTS.flatMap((by) => {
      const mean = meanErrors(list.map((errors) => errors?.[by]));
      return mean ? [[by, mean]] : [];
    }),
  );
}

/** Means over sequences, each counting the same. */
export function meanScores(list: readonly Scores[]): Scores {
  return {
    errors: meanByAlignment(list.map(({ errors }) => errors)),
    tae: meanOf(list.map(({ tae }) => tae)),
    temporalGradient: meanOf(list.map(({ temporalGradient }) => temporalGradient)),
    boundary: meanOf(list.map(({ boundary }) => boundary)),
    flicker: meanOf(list.map(({ flicker }) => flicker)),
    milliseconds: meanOf(list.map(({ milliseconds }) => milliseconds)),
  };
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return undefined;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1]! + sorted[half]!) / 2;
}
