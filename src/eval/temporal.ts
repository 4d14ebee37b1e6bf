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
  for (let n = 0; n + 1 < clip.length; n++) {
    const [a, b] = [clip[n]!, clip[n + 1]!];
    sum += carried(a, b, a.intrinsics, width, height, projected);
    sum += carried(b, a, a.intrinsics, width, height, projected);
  }
  return clip.length < 2 ? 0 : (100 * sum) / (2 * (clip.length - 1));
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
  const counted: number[] = [];
  const length = frames[0]?.length ?? 0;
  for (let i = 0; i < length; i++) if (mask?.[i] !== 0) counted.push(i);
  if (frames.length < 2 || counted.length === 0) return 0;
  let change = 0;
  for (let n = 1; n < frames.length; n++)
    for (const i of counted) change += Math.abs(frames[n]![i]! - frames[n - 1]![i]!);
  const mean = change / (counted.length * (frames.length - 1));
  if (mean === 0) return 0;
  const values = new Float32Array(frames.length * counted.length);
  frames.forEach((frame, n) => {
    counted.forEach((i, k) => {
      values[n * counted.length + k] = frame[i]!;
    });
  });
  values.sort();
  return mean / (percentile(values, 0.98) - percentile(values, 0.02));
}

/** Linear between the two nearest of sorted values, as numpy.percentile. */
function percentile(sorted: Float32Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low);
}
