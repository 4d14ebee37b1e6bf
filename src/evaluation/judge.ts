import {
  benchmarkProtocol,
  type Mask,
  type Protocol,
  type ScaleShift,
  ScaleShiftFit,
  toDepth,
  validMask,
} from './align.ts';
import { boundaryF1 } from './boundary.ts';
import { type DepthErrors, depthErrors } from './metrics.ts';
import type { Prediction, Predictor, PredictorRun } from './predictor.ts';
import { Resampler } from './resample.ts';
import {
  type Alignment,
  type ContenderResult,
  type FrameResult,
  meanByAlignment,
  meanOf,
  median,
  type SequenceResult,
} from './results.ts';
import { MapSpool } from './spool.ts';
import { FlickerMeter, type PosedDepth, pairError } from './temporal.ts';
import { DisparityRange, type GradientFrame, temporalGradient } from './temporal-gradient.ts';
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

/** What has to be known of one contender in one sequence. */
class Track {
  readonly #sequence: Sequence;
  readonly #predictor: Predictor;
  readonly #run: PredictorRun;
  readonly #spool = new MapSpool();
  readonly #frames: FrameResult[] = [];
  /** Of each take. */
  readonly #fits: { clip: ScaleShiftFit; first: ScaleShiftFit; range: DisparityRange }[];
  readonly #projected: Float64Array;
  #network = { width: 0, height: 0 };
  #resampler: Resampler | undefined;
  readonly #sized: Float32Array;
  readonly #disparity: Float32Array;
  readonly #spare: Float32Array;
  #map: Float32Array | undefined;
  #flicker: FlickerMeter | undefined;
  #before: PosedDepth | undefined;
  #earlier: GradientFrame | undefined;

  constructor(sequence: Sequence, predictor: Predictor) {
    const pixels = sequence.width * sequence.height;
    this.#sequence = sequence;
    this.#predictor = predictor;
    this.#run = predictor.start(sequence);
    this.#fits = sequence.takes.map(() => ({
      clip: new ScaleShiftFit(),
      first: new ScaleShiftFit(),
      range: new DisparityRange(),
    }));
    this.#projected = new Float64Array(pixels);
    this.#sized = new Float32Array(pixels);
    this.#disparity = new Float32Array(pixels);
    this.#spare = new Float32Array(pixels);
  }

  take({ picture }: TrueFrame): Promise<void> {
    return this.#run.take(picture);
  }

  predict(index: number): Promise<Prediction> {
    return this.#run.predict(index);
  }

  keep(index: number, prediction: Prediction, depth: Float32Array, mask: Mask, shared: Protocol): void {
    const protocol = this.#protocol(shared);
    const { values, width, height, milliseconds, epoch } = prediction;
    this.#network = { width, height };
    this.#resampler ??= new Resampler(this.#network, this.#sequence, this.#sequence.window);
    this.#spool.write(index, values);
    const fit = new ScaleShiftFit().add(
      this.#toDisparity(this.#resampler.resize(values, this.#sized)),
      depth,
      mask,
      protocol,
    );
    prediction.release();
    const take = this.#fits[this.#takeOf(index)]!;
    if (take.first.count === 0) take.first.merge(fit);
    take.clip.merge(fit);
    take.range.add(depth, mask);
    this.#frames.push({
      errors: undefined,
      ...fit.solve(),
      tae: undefined,
      temporalGradient: undefined,
      boundary: undefined,
      milliseconds,
      epoch,
    });
  }

  startJudging(still: Mask | undefined): void {
    if (still) this.#flicker = new FlickerMeter(still.length, this.#sequence.frames, still);
  }

  /** Returns its depth in the main alignment, in metres. */
  judge(index: number, truth: Truth, mask: Mask, known: boolean, pairs: boolean, shared: Protocol): Float32Array {
    const protocol = this.#protocol(shared);
    const frame = this.#frames[index]!;
    this.#map = this.#spool.read(index, this.#map);
    const sized = this.#resampler!.resize(this.#map, this.#sized);
    this.#flicker?.add(sized);
    const take = this.#fits[this.#takeOf(index)]!;
    const disparity = this.#toDisparity(sized);
    const main = new Float32Array(sized.length);
    const errors: Partial<Record<Alignment, DepthErrors>> = {};
    const compare = (by: Alignment, depth: Float32Array) => {
      const found = known ? depthErrors(depth, truth.depth, mask) : undefined;
      if (found) errors[by] = found;
    };
    const metric = this.#predictor.unit === 'metres';
    if (metric) compare('none', clampDepth(sized, protocol, main));
    const aligned = (by: Alignment, fit: ScaleShift, out: Float32Array) =>
      compare(by, toDepth(disparity, fit, protocol, out));
    aligned('clip', take.clip.solve(), metric ? this.#spare : main);
    aligned('frame', frame, this.#spare);
    aligned('first', take.first.solve(), this.#spare);
    if (known) frame.errors = errors;
    const { pose, intrinsics } = truth;
    const posed = pose && intrinsics && { depth: main, pose, intrinsics };
    const { width, height, dense, separate, takes } = this.#sequence;
    const now = { predicted: main, truth: truth.depth, mask };
    if (this.#earlier && !separate && !takes.includes(index))
      frame.temporalGradient = temporalGradient(this.#earlier, now, take.range.span);
    this.#earlier = now;
    if (dense) frame.boundary = boundaryF1(main, truth.depth, width, height);
    if (pairs && posed && this.#before) frame.tae = pairError(this.#before, posed, width, height, this.#projected);
    this.#before = posed;
    return main;
  }

  result(): ContenderResult {
    const frames = this.#frames;
    const times = frames.flatMap(({ milliseconds }) => (milliseconds === undefined ? [] : [milliseconds]));
    return {
      label: this.#predictor.contender.label,
      network: this.#network,
      errors: meanByAlignment(frames.map(({ errors }) => errors)),
      tae: meanOf(frames.map(({ tae }) => tae)),
      temporalGradient: meanOf(frames.map(({ temporalGradient }) => temporalGradient)),
      boundary: meanOf(frames.map(({ boundary }) => boundary)),
      flicker: this.#flicker?.value(),
      milliseconds: median(times),
      frames,
    };
  }

  close(): void {
    this.#run.close();
    this.#spool.close();
  }

  #protocol(shared: Protocol): Protocol {
    return this.#predictor.signed ? { ...shared, predictionFloor: Number.NEGATIVE_INFINITY } : shared;
  }

  #takeOf(index: number): number {
    return this.#sequence.takes.findLastIndex((start) => start <= index);
  }

  #toDisparity(values: Float32Array): Float32Array {
    if (this.#predictor.unit === 'disparity') return values;
    for (let i = 0; i < values.length; i++) this.#disparity[i] = 1 / Math.max(values[i]!, 1e-3);
    return this.#disparity;
  }
}

function clampDepth(depth: Float32Array, { minDepth, maxDepth }: Protocol, out: Float32Array): Float32Array {
  for (let i = 0; i < depth.length; i++) out[i] = Math.min(Math.max(depth[i]!, minDepth), maxDepth);
  return out;
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
