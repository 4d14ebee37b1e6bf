import { blockBootstrap, type Interval } from './bootstrap.ts';
import { type JudgeOptions, judge } from './judge.ts';
import type { Predictor } from './predictor.ts';
import { type Alignment, type FrameResult, meanScores, type Scores, type SequenceResult } from './results.ts';
import type { Sequence, SequenceEntry } from './types.ts';

export interface ContenderInfo {
  label: string;
  description: string;
  unit: 'disparity' | 'metres';
}

/** Mean of one contender's numbers minus those of the first, frame by frame. */
export interface Difference extends Interval {
  label: string;
  against: string;
  /** `absRel clip`, `delta1 frame`, `tae`, `temporal gradient`, `boundary F1`. */
  measure: string;
  /** Frames, or pairs of frames, that both have. */
  frames: number;
  lowerIsBetter: boolean;
}

export interface Evaluation {
  contenders: ContenderInfo[];
  sequences: SequenceResult[];
  /** Over sequences, in the contenders' order. */
  means: (Scores & { label: string })[];
  /** Empty with one contender. */
  differences: Difference[];
}

export interface EvaluateOptions extends Pick<JudgeOptions, 'signal'> {
  onSequence?: (sequence: Sequence) => Omit<JudgeOptions, 'signal'>;
  onResult?: (result: SequenceResult) => void;
}

/**
 * Judges all contenders on all sequences, one sequence after the other. When the signal is aborted, what is complete by
 * then is returned.
 * @throws DepthcastError as `judge`
 */
export async function evaluate(
  entries: readonly SequenceEntry[],
  predictors: readonly Predictor[],
  { signal, onSequence, onResult }: EvaluateOptions = {},
): Promise<Evaluation> {
  const sequences: SequenceResult[] = [];
  try {
    for (const entry of entries) {
      signal?.throwIfAborted();
      const sequence = await entry.open();
      const result = await judge(sequence, predictors, { ...onSequence?.(sequence), signal });
      sequences.push(result);
      onResult?.(result);
    }
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
  }
  const contenders = predictors.map(({ contender, description, unit }) => ({
    label: contender.label,
    description,
    unit,
  }));
  const means = contenders.map(({ label }, n) => ({
    label,
    ...meanScores(sequences.map((sequence) => sequence.contenders[n]!)),
  }));
  const differences = contenders
    .slice(1)
    .flatMap(({ label }, n) => compare(sequences, n + 1, label, contenders[0]!.label));
  return { contenders, sequences, means, differences };
}

const error =
  (by: Alignment, key: 'absRel' | 'delta1') =>
  ({ errors }: FrameResult) =>
    errors?.[by]?.[key];

const MEASURES: readonly { name: string; of: (frame: FrameResult) => number | undefined; lowerIsBetter: boolean }[] = [
  { name: 'absRel none', of: error('none', 'absRel'), lowerIsBetter: true },
  { name: 'delta1 none', of: error('none', 'delta1'), lowerIsBetter: false },
  { name: 'absRel clip', of: error('clip', 'absRel'), lowerIsBetter: true },
  { name: 'delta1 clip', of: error('clip', 'delta1'), lowerIsBetter: false },
  { name: 'absRel frame', of: error('frame', 'absRel'), lowerIsBetter: true },
  { name: 'delta1 frame', of: error('frame', 'delta1'), lowerIsBetter: false },
  { name: 'tae', of: ({ tae }) => tae, lowerIsBetter: true },
  { name: 'temporal gradient', of: ({ temporalGradient }) => temporalGradient, lowerIsBetter: true },
  { name: 'boundary F1', of: ({ boundary }) => boundary, lowerIsBetter: false },
];

function compare(
  sequences: readonly SequenceResult[],
  contender: number,
  label: string,
  against: string,
): Difference[] {
  return MEASURES.flatMap(({ name, of, lowerIsBetter }) => {
    const series = sequences.map(({ contenders }) => {
      const base = contenders[0]!.frames;
      return contenders[contender]!.frames.flatMap((frame, i) => {
        const [mine, other] = [of(frame), of(base[i]!)];
        return mine === undefined || other === undefined ? [] : [mine - other];
      });
    });
    const frames = series.reduce((sum, values) => sum + values.length, 0);
    return frames === 0 ? [] : [{ label, against, measure: name, frames, lowerIsBetter, ...blockBootstrap(series) }];
  });
}
