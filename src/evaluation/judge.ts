import { benchmarkProtocol, type Mask, validMask } from './align.ts';
import type { Predictor } from './predictor.ts';
import { meanOf, type SequenceResult } from './results.ts';
import { type PosedDepth, pairError } from './temporal.ts';
import { Track } from './track.ts';
import type { Sequence, TrueFrame, Truth } from './types.ts';

/** Depth that changes by less than this share over a whole clip counts as standing still: sensors are not exact. */
const STILL = 0.03;
/** Fewer pixels that stand still say nothing. */
const MIN_STILL = 100;

/** A judged frame for a report; valid during the call that it is handed to. */
export interface Snapshot {
  index: number;
  frame: TrueFrame;
  /** Of the depth maps, in pixels. */
  width: number;
  height: number;
  mask: Mask;
  /** Metres of each contender in its main alignment, [height*width]. */
  depths: Float32Array[];
}

export interface JudgeOptions {
  signal?: AbortSignal | undefined;
  /** Called as work is done; a frame counts twice, once when it is predicted and once when it is judged. */
  onStep?: () => void;
  /** Frames that are handed to `onSnapshot`. */
  snapshots?: ReadonlySet<number>;
  onSnapshot?: (snapshot: Snapshot) => Promise<void>;
}

/**
 * Runs all contenders over one sequence, frame by frame as a live stream would, and judges them by the protocol of the
 * Video Depth Anything benchmark; see docs/evaluation.md.
 * @throws DepthcastError BAD_DATASET, WORKER_DIED, BAD_OUTPUT, INFERENCE_FAILED; the signal's reason when it is aborted
 */
export async function judge(
  sequence: Sequence,
  predictors: readonly Predictor[],
  options: JudgeOptions = {},
): Promise<SequenceResult> {
  const tracks: Track[] = [];
  try {
    for (const predictor of predictors) tracks.push(new Track(sequence, predictor));
    const still = await predictAll(sequence, tracks, options);
    return await judgeAll(sequence, tracks, still, options);
  } finally {
    for (const track of tracks) track.close();
  }
}

/** First pass: predictions are made and kept, scales and shifts gathered. Returns the pixels that stand still, if known. */
async function predictAll(
  sequence: Sequence,
  tracks: readonly Track[],
  { signal, onStep }: JudgeOptions,
): Promise<Mask | undefined> {
  const protocol = benchmarkProtocol(sequence.maxDepth);
  let still: { reference: Float32Array; mask: Mask } | undefined;
  let next: Promise<TrueFrame> | undefined = sequence.frame(0);
  try {
    for (let index = 0; index < sequence.frames; index++) {
      signal?.throwIfAborted();
      const frame: TrueFrame = await next!;
      next = undefined;
      try {
        await settled(tracks.map((track) => track.take(frame)));
      } finally {
        frame.picture.close();
      }
      const running = settled(tracks.map((track) => track.predict(index)));
      // The next frame is decoded or rendered while the networks work on this one.
      if (index + 1 < sequence.frames) next = caught(sequence.frame(index + 1));
      const predictions = await running;
      const mask = validMask(frame.depth, protocol);
      tracks.forEach((track, n) => {
        track.keep(index, predictions[n]!, frame.depth, mask, protocol);
      });
      if (sequence.tripod) {
        still ??= { reference: frame.depth, mask: mask.slice() };
        for (let i = 0; i < mask.length; i++)
          if (mask[i] === 0 || Math.abs(frame.depth[i]! - still.reference[i]!) > STILL * still.reference[i]!)
            still.mask[i] = 0;
      }
      onStep?.();
    }
  } finally {
    // A frame that was read ahead and will not be used holds native memory.
    void next?.then(
      ({ picture }) => picture.close(),
      () => {},
    );
  }
  return still && still.mask.reduce((sum, m) => sum + m, 0) >= MIN_STILL ? still.mask : undefined;
}

/** Second pass: the kept predictions are aligned and compared with the truth. */
async function judgeAll(
  sequence: Sequence,
  tracks: readonly Track[],
  still: Mask | undefined,
  { signal, onStep, snapshots, onSnapshot }: JudgeOptions,
): Promise<SequenceResult> {
  const { name, frames, width, height, fps, maxDepth, takes } = sequence;
  const protocol = benchmarkProtocol(maxDepth);
  const starts = new Set(takes);
  const truthPairs: number[] = [];
  let before: PosedDepth | undefined;
  let judged = 0;
  for (const track of tracks) track.startJudging(still);
  for (let index = 0; index < frames; index++) {
    signal?.throwIfAborted();
    const shown = onSnapshot && snapshots?.has(index) ? await sequence.frame(index) : undefined;
    try {
      const truth: Truth = shown ?? (await sequence.truth(index));
      const mask = validMask(truth.depth, protocol);
      const known = mask.includes(1);
      if (known) judged++;
      const pairs = sequence.posed && !starts.has(index);
      const depths = tracks.map((track) => track.judge(index, truth, mask, known, pairs, protocol));
      const posed = withoutUnknown(truth, mask);
      if (pairs && posed && before) truthPairs.push(pairError(before, posed, width, height));
      before = posed;
      if (shown) await onSnapshot?.({ index, frame: shown, width, height, mask, depths });
    } finally {
      shown?.picture.close();
    }
    onStep?.();
    // The bar, and Ctrl-C, want a turn.
    await new Promise(setImmediate);
  }
  return {
    name,
    frames,
    judged,
    width,
    height,
    fps,
    maxDepth,
    takes: [...takes],
    truthTae: meanOf(truthPairs),
    contenders: tracks.map((track) => track.result()),
  };
}

/** The truth as a clip of its own for the temporal error; what was not measured is carried nowhere. */
function withoutUnknown({ depth, pose, intrinsics }: Truth, mask: Mask): PosedDepth | undefined {
  return pose && intrinsics && { depth: depth.map((z, i) => (mask[i] === 1 ? z : Number.NaN)), pose, intrinsics };
}

/** All results; where one fails, the others are waited for first. */
async function settled<T>(running: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(running);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

/** A rejection that is looked at later is not unhandled meanwhile. */
function caught<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
