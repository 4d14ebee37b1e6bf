import type { Mask } from './align.ts';

/** A pinhole camera whose pixel (x, y) sees along ((x-cx)/fx, (y-cy)/fy, 1). */
export interface Pinhole {
  fx: number;
  fy: number;
  cx: number;
  cy: number;
}

/** One frame for the temporal error. */
export interface PosedDepth {
  /** [height*width] metres, aligned over the clip. */
  depth: Float32Array;
  /** Camera-to-world, 4x4 column-major; camera x right, y down, z forward. */
  pose: ArrayLike<number>;
  intrinsics: Pinhole;
  /** Pixels that count when another frame is projected onto this one; all where absent. */
  mask?: Mask;
}

/**
 * Temporal alignment error of a clip in percent: each frame's depth carried into the next one's camera and back, against
 * the depth there, relative, averaged over both directions and all pairs. As in the Video Depth Anything benchmark
 * (arXiv 2501.12375, section 4.1; benchmark/eval/eval_tae.py), whose rounding to the nearest pixel, without a z-buffer,
 * is kept; points behind the camera, which it carries through, are left out. 0 for fewer than two frames.
 */
export function temporalError(clip: readonly PosedDepth[], width: number, height: number): number {
  const projected = new Float64Array(width * height);
  let sum = 0;
  for (let n = 0; n + 1 < clip.length; n++) sum += pairError(clip[n]!, clip[n + 1]!, width, height, projected);
  return clip.length < 2 ? 0 : sum / (clip.length - 1);
}

/** One pair's part in `temporalError`, in percent. @param projected [height*width], overwritten; spares an allocation */
export function pairError(
  a: PosedDepth,
  b: PosedDepth,
  width: number,
  height: number,
  projected: Float64Array = new Float64Array(width * height),
): number {
  const there = carried(a, b, a.intrinsics, width, height, projected);
  const back = carried(b, a, a.intrinsics, width, height, projected);
  return (100 * (there + back)) / 2;
}

function carried(
  from: PosedDepth,
  to: PosedDepth,
  { fx, fy, cx, cy }: Pinhole,
  width: number,
  height: number,
  projected: Float64Array,
): number {
  const m = between(from.pose, to.pose);
  projected.fill(0);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const z = from.depth[i]!;
      const px = ((x - cx) * z) / fx;
      const py = ((y - cy) * z) / fy;
      const depth = m[2]! * px + m[6]! * py + m[10]! * z + m[14]!;
      // Also false for NaN and for what lies infinitely far.
      if (!(depth > 0 && depth < Number.POSITIVE_INFINITY)) continue;
      const u = roundHalfEven(((m[0]! * px + m[4]! * py + m[8]! * z + m[12]!) * fx) / depth + cx);
      const v = roundHalfEven(((m[1]! * px + m[5]! * py + m[9]! * z + m[13]!) * fy) / depth + cy);
      if (u >= 0 && u < width && v >= 0 && v < height) projected[v * width + u] = depth;
    }
  let count = 0;
  let error = 0;
  for (let i = 0; i < projected.length; i++) {
    const there = to.depth[i]!;
    if (!(projected[i]! > 0 && there > 0) || to.mask?.[i] === 0) continue;
    count++;
    error += Math.abs(there - projected[i]!) / there;
  }
  return count === 0 ? 0 : error / count;
}

/** Half goes to the even neighbour, as in torch.round. */
function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  const over = x - low;
  return over > 0.5 || (over === 0.5 && low % 2 !== 0) ? low + 1 : low;
}

/** inverse(to) * from for rigid, column-major poses. */
function between(from: ArrayLike<number>, to: ArrayLike<number>): Float64Array {
  const out = new Float64Array(16);
  for (let row = 0; row < 3; row++)
    for (let column = 0; column < 4; column++) {
      let sum = 0;
      for (let k = 0; k < 3; k++) sum += to[row * 4 + k]! * (from[column * 4 + k]! - (column === 3 ? to[12 + k]! : 0));
      out[column * 4 + row] = sum;
    }
  out[15] = 1;
  return out;
}

/**
 * How much the maps of a camera and world that stand still change: the mean of |frame - frame before| over the range
 * (2nd to 98th percentile over all frames) of their values. 0 is steady; 0 also for fewer than two frames. Values are
 * aligned depth or disparity of any unit; `mask` chooses pixels.
 */
export function flicker(frames: readonly Float32Array[], mask?: Mask): number {
  const meter = new FlickerMeter(frames[0]?.length ?? 0, frames.length, mask);
  for (const frame of frames) meter.add(frame);
  return meter.value();
}

/** Values that percentiles are taken of, at most; of more, every n-th pixel is used. */
const MAX_VALUES = 4_000_000;

/** `flicker`, one frame after the other. */
export class FlickerMeter {
  readonly #counted: Uint32Array;
  readonly #last: Float32Array;
  readonly #values: Float32Array;
  readonly #step: number;
  #frames = 0;
  #kept = 0;
  #change = 0;

  /** @param length pixels of a frame. @param frames that will be added, at most */
  constructor(length: number, frames: number, mask?: Mask) {
    this.#counted = Uint32Array.from({ length }, (_, i) => i).filter((i) => mask?.[i] !== 0);
    this.#last = new Float32Array(this.#counted.length);
    this.#step = Math.max(1, Math.ceil((this.#counted.length * frames) / MAX_VALUES));
    this.#values = new Float32Array(frames * Math.ceil(this.#counted.length / this.#step));
  }

  add(frame: Float32Array): void {
    const first = this.#frames++ === 0;
    for (let k = 0; k < this.#counted.length; k++) {
      const value = frame[this.#counted[k]!]!;
      if (!first) this.#change += Math.abs(value - this.#last[k]!);
      this.#last[k] = value;
      if (k % this.#step === 0) this.#values[this.#kept++] = value;
    }
  }

  value(): number {
    const mean = this.#change / (this.#counted.length * (this.#frames - 1));
    if (this.#frames < 2 || this.#counted.length === 0 || mean === 0) return 0;
    const values = this.#values.slice(0, this.#kept).sort();
    return mean / (percentile(values, 0.98) - percentile(values, 0.02));
  }
}

/** Linear between the two nearest of sorted values, as numpy.percentile. */
function percentile(sorted: Float32Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low);
}
