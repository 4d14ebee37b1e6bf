import type { Size } from '../model/size.ts';
import { type Mask, type Protocol, type ScaleShift, ScaleShiftFit, toDepth } from './align.ts';
import { boundaryF1 } from './boundary.ts';
import { type DepthErrors, depthErrors } from './metrics.ts';
import type { Prediction, Predictor, PredictorRun } from './predictor.ts';
import { Resampler } from './resample.ts';
import { type Alignment, type ContenderResult, type FrameResult, meanByAlignment, meanOf, median } from './results.ts';
import { MapSpool } from './spool.ts';
import { FlickerMeter, type Pinhole, type PosedDepth, pairError } from './temporal.ts';
import { DisparityRange, type GradientFrame, temporalGradient } from './temporal-gradient.ts';
import type { Sequence, TrueFrame, Truth } from './types.ts';

/** One contender in one sequence: its predictions, kept between the two passes, and what they are worth. */
export class Track {
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

  take({ picture, intrinsics }: TrueFrame): Promise<void> {
    return this.#run.take(picture, intrinsics && this.#ofPicture(intrinsics, picture));
  }

  /** Focal lengths in pixels of the picture: depth maps may have another size, and show a part of it. */
  #ofPicture({ fx, fy }: Pinhole, picture: Size): Pick<Pinhole, 'fx' | 'fy'> {
    const { width, height, window = { left: 0, top: 0, right: 1, bottom: 1 } } = this.#sequence;
    return {
      fx: (fx * picture.width * (window.right - window.left)) / width,
      fy: (fy * picture.height * (window.bottom - window.top)) / height,
    };
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
