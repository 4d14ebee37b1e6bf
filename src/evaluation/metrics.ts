import { type AlignBy, alignClip, type Judged, type Mask, type Protocol, toDepth, validMask } from './align.ts';

/** Errors of one depth map, or their means over a clip. Shares are 0..1. */
export interface DepthErrors {
  /** Mean of |predicted - true| / true. */
  absRel: number;
  /** Root mean square of predicted - true, in metres. */
  rmse: number;
  /** Share of pixels with max(predicted/true, true/predicted) below 1.25, 1.25^2, 1.25^3. */
  delta1: number;
  delta2: number;
  delta3: number;
}

/** Errors over the pixels of `mask`, both maps in metres; undefined where no pixel counts. */
export function depthErrors(predicted: Float32Array, truth: Float32Array, mask: Mask): DepthErrors | undefined {
  let count = 0;
  let relative = 0;
  let squares = 0;
  let [within1, within2, within3] = [0, 0, 0];
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const p = predicted[i]!;
    const t = truth[i]!;
    count++;
    relative += Math.abs(p - t) / t;
    squares += (p - t) ** 2;
    const ratio = Math.max(p / t, t / p);
    if (ratio < 1.25) within1++;
    if (ratio < 1.25 ** 2) within2++;
    if (ratio < 1.25 ** 3) within3++;
  }
  if (count === 0) return undefined;
  return {
    absRel: relative / count,
    rmse: Math.sqrt(squares / count),
    delta1: within1 / count,
    delta2: within2 / count,
    delta3: within3 / count,
  };
}

/**
 * Errors of a clip after alignment: each frame's, averaged over the frames in which a pixel counts; undefined where there
 * is none. `clip` alignment with benchmarkProtocol is the Video Depth Anything benchmark (eval.py, metric.py).
 */
export function clipErrors(clip: readonly Judged[], by: AlignBy, protocol: Protocol): DepthErrors | undefined {
  const fits = alignClip(clip, by, protocol);
  const frames = clip.flatMap(({ prediction, depth }, n) => {
    const errors = depthErrors(toDepth(prediction, fits[n]!, protocol), depth, validMask(depth, protocol));
    return errors ? [errors] : [];
  });
  if (frames.length === 0) return undefined;
  const mean = (of: (errors: DepthErrors) => number) => frames.reduce((sum, e) => sum + of(e), 0) / frames.length;
  return {
    absRel: mean((e) => e.absRel),
    rmse: mean((e) => e.rmse),
    delta1: mean((e) => e.delta1),
    delta2: mean((e) => e.delta2),
    delta3: mean((e) => e.delta3),
  };
}

/**
 * Spearman's rank correlation, -1 to 1, of two maps over the pixels of `mask`; equal values share their mean rank.
 * At most `samples` pixels are taken, evenly spread. NaN with fewer than two pixels or where one map is constant.
 */
export function spearman(a: Float32Array, b: Float32Array, mask: Mask, samples = 20_000): number {
  const counted = mask.reduce((sum, m) => sum + m, 0);
  const n = Math.min(counted, samples);
  const left = new Float64Array(n);
  const right = new Float64Array(n);
  for (let i = 0, seen = 0, taken = 0; i < mask.length && taken < n; i++) {
    if (mask[i] === 0) continue;
    // Taken where the share seen passes the next whole sample.
    if (Math.floor((++seen * n) / counted) > taken) {
      left[taken] = a[i]!;
      right[taken++] = b[i]!;
    }
  }
  return pearson(ranks(left), ranks(right));
}

function ranks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const out = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let k = start; k < end; k++) out[order[k]!] = (start + end - 1) / 2;
    start = end;
  }
  return out;
}

function pearson(a: Float64Array, b: Float64Array): number {
  const mean = (v: Float64Array) => v.reduce((sum, x) => sum + x, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [aa, bb, ab] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const da = a[i]! - ma;
    const db = b[i]! - mb;
    aa += da * da;
    bb += db * db;
    ab += da * db;
  }
  return ab / Math.sqrt(aa * bb);
}
