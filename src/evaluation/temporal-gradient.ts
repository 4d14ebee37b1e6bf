import type { Mask } from './align.ts';

/** Changes of true disparity below this share of its range in the clip count: elsewhere a pixel sees another surface. */
const STILL = 0.05;

/** Least and greatest true disparity of a clip, in 1/metre. */
export class DisparityRange {
  #low = Number.POSITIVE_INFINITY;
  #high = Number.NEGATIVE_INFINITY;

  add(depth: Float32Array, mask: Mask): void {
    for (let i = 0; i < mask.length; i++) {
      if (mask[i] === 0) continue;
      const disparity = 1 / depth[i]!;
      if (disparity < this.#low) this.#low = disparity;
      if (disparity > this.#high) this.#high = disparity;
    }
  }

  get span(): number {
    return Math.max(0, this.#high - this.#low);
  }
}

/** One frame: depth in metres after alignment, and the truth. */
export interface GradientFrame {
  predicted: Float32Array;
  truth: Float32Array;
  mask: Mask;
}

/**
 * Temporal gradient error between two frames in percent of the clip's range of true disparity: the mean of
 * ||d_b - d_a| - |g_b - g_a|| over pixels at which both truths are known and |g_b - g_a| is below 5 % of the range; d and g are
 * disparities. The temporal gradient matching loss of Video Depth Anything (arXiv 2501.12375, eq. 6) as a measure: it needs
 * no poses. Undefined where no pixel counts.
 */
export function temporalGradient(a: GradientFrame, b: GradientFrame, span: number): number | undefined {
  if (!(span > 0)) return undefined;
  let count = 0;
  let sum = 0;
  for (let i = 0; i < a.mask.length; i++) {
    if (a.mask[i] === 0 || b.mask[i] === 0) continue;
    const change = Math.abs(1 / b.truth[i]! - 1 / a.truth[i]!);
    if (change >= STILL * span) continue;
    count++;
    sum += Math.abs(Math.abs(1 / b.predicted[i]! - 1 / a.predicted[i]!) - change);
  }
  return count === 0 ? undefined : (100 * sum) / (count * span);
}
