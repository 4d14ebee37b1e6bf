/**
 * Which pixels count, and how predictions become depth. The defaults are those of the Video Depth Anything benchmark
 * (github.com/DepthAnything/Video-Depth-Anything, benchmark/eval/eval.py).
 */
export interface Protocol {
  /** Ground truth counts strictly between these depths, in metres. */
  minDepth: number;
  maxDepth: number;
  /** Predictions below this are raised to it first; -Infinity leaves relative disparity of any sign as it is. */
  predictionFloor: number;
  /** Aligned disparity below this is raised to it before it is inverted, in 1/metre. */
  disparityFloor: number;
}

/** `maxDepth` of the benchmark: 10 indoors (ScanNet, Bonn, NYUv2), 70 (Sintel), 80 (KITTI). */
export function benchmarkProtocol(maxDepth: number): Protocol {
  return { minDepth: 1e-3, maxDepth, predictionFloor: 1e-3, disparityFloor: 1e-3 };
}

/** 1 where a pixel counts. */
export type Mask = Uint8Array;

/** Pixels whose true depth is a number inside the protocol's range. */
export function validMask(
  depth: Float32Array,
  { minDepth, maxDepth }: Protocol,
  out: Mask = new Uint8Array(depth.length),
): Mask {
  for (let i = 0; i < depth.length; i++) out[i] = depth[i]! > minDepth && depth[i]! < maxDepth ? 1 : 0;
  return out;
}

/** Disparity of the scene = scale * prediction + shift. */
export interface ScaleShift {
  scale: number;
  shift: number;
}

/** Least squares of true disparity over predictions, gathered over as many frames as wanted. */
export class ScaleShiftFit {
  #count = 0;
  // Means and centred sums (Welford), so that large offsets cost no precision.
  #meanX = 0;
  #meanY = 0;
  #sumXX = 0;
  #sumXY = 0;

  /** `prediction` in disparity up to scale and shift, `depth` in metres, both of the mask's length. */
  add(prediction: Float32Array, depth: Float32Array, mask: Mask, protocol: Protocol): this {
    for (let i = 0; i < mask.length; i++) {
      if (mask[i] === 0) continue;
      const x = Math.max(prediction[i]!, protocol.predictionFloor);
      // The benchmark's guard against division by zero is kept: it is part of its numbers.
      const y = 1 / (depth[i]! + 1e-8);
      this.#count++;
      const dx = x - this.#meanX;
      this.#meanX += dx / this.#count;
      this.#meanY += (y - this.#meanY) / this.#count;
      this.#sumXX += dx * (x - this.#meanX);
      this.#sumXY += dx * (y - this.#meanY);
    }
    return this;
  }

  /** Adds what another fit has gathered (Chan, Golub, LeVeque 1979). */
  merge(other: ScaleShiftFit): this {
    if (other.#count === 0) return this;
    const count = this.#count + other.#count;
    const dx = other.#meanX - this.#meanX;
    const dy = other.#meanY - this.#meanY;
    const weight = (this.#count * other.#count) / count;
    this.#sumXX += other.#sumXX + dx * dx * weight;
    this.#sumXY += other.#sumXY + dx * dy * weight;
    this.#meanX += (dx * other.#count) / count;
    this.#meanY += (dy * other.#count) / count;
    this.#count = count;
    return this;
  }

  /** Pixels gathered. */
  get count(): number {
    return this.#count;
  }

  /** With nothing gathered, or predictions that are all alike, the scale is 0 and the shift the mean disparity. */
  solve(): ScaleShift {
    const scale = this.#sumXX > 0 ? this.#sumXY / this.#sumXX : 0;
    return { scale, shift: this.#meanY - scale * this.#meanX };
  }
}

/** One frame to be judged: a network's map and the truth, pixel by pixel. */
export interface Judged {
  /** Disparity up to scale and shift. */
  prediction: Float32Array;
  /** Metres; 0, negative, NaN and Infinity do not count. */
  depth: Float32Array;
}

/** Over what one scale and shift is fitted: each frame by itself, the whole clip, or its first frame alone. */
export type AlignBy = 'frame' | 'clip' | 'first';

/** The scale and shift of every frame of a clip. */
export function alignClip(clip: readonly Judged[], by: AlignBy, protocol: Protocol): ScaleShift[] {
  const fitOf = (frames: readonly Judged[]): ScaleShift => {
    const fit = new ScaleShiftFit();
    for (const { prediction, depth } of frames) fit.add(prediction, depth, validMask(depth, protocol), protocol);
    return fit.solve();
  };
  if (by === 'frame') return clip.map((frame) => fitOf([frame]));
  const shared = fitOf(by === 'clip' ? clip : clip.slice(0, 1));
  return clip.map(() => shared);
}

/** Depth in metres of an aligned prediction, within the protocol's range. */
export function toDepth(
  prediction: Float32Array,
  { scale, shift }: ScaleShift,
  { minDepth, maxDepth, predictionFloor, disparityFloor }: Protocol,
  out: Float32Array = new Float32Array(prediction.length),
): Float32Array {
  for (let i = 0; i < prediction.length; i++) {
    const disparity = Math.max(scale * Math.max(prediction[i]!, predictionFloor) + shift, disparityFloor);
    out[i] = Math.min(Math.max(1 / disparity, minDepth), maxDepth);
  }
  return out;
}
