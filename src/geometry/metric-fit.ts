import type { MetricMap } from '../protocol/index.ts';

/** A value of the network beside the distance that is known for it. */
export interface Sample {
  value: number;
  /** Standard deviation of `value`, in its unit: an anchor at an edge is worth little. */
  spread: number;
  metres: number;
  /** Standard deviation of `metres`, as a share of it. */
  error: number;
  /** Above 0, at most 1. */
  weight: number;
}

/** What a network's map as a whole says of its values. */
export interface MapLevels {
  /** Of what is farthest, and in the middle of all. */
  lowest: number;
  middle: number;
}

/**
 * How far the inverse depth of a network's zero is believed to lie from 0, as a share of the largest among the anchors: networks are
 * trained to give what is infinitely far about 0. It makes one anchor, or several at one distance, enough.
 */
const ZERO_PRIOR = 0.15;
/** The same of the lowest value, where values below 0 show that 0 is not infinitely far: the farthest thing may be rather near. */
const LOWEST_PRIOR = 0.6;
/** How far the scale is believed to lie from where the anchors' middle is the map's, as a share of it. */
const SCALE_PRIOR = 0.7;
/** Squared residuals count up to this for a start (MSAC, Torr and Zisserman 2000), in deviations. */
const MSAC = 9;
/** Residuals beyond so many deviations are outliers (Tukey's biweight, 95 % efficient for Gaussian errors). */
const TUKEY = 4.685;
/** A network's own error where anchors are too few to show it, as a share of the inverse depth. */
const MODEL_ERROR = 0.05;
/** Pairs tried for a start: all of 24 anchors. */
const MAX_PAIRS = 276;
const ROUNDS = 12;

/** Gaussian beliefs of scale and shift, with their variances. */
interface Prior {
  scale: number;
  varScale: number;
  /** About 0. */
  varShift: number;
}

/**
 * Scale and shift of disparity so that scale * value + shift is 1 / metres: the best line through two anchors, then weighted least
 * squares with Tukey's biweight, held by what is believed of networks where anchors are few or at one distance.
 * @returns undefined where the anchors say nothing that can be: none, or nearer places of smaller disparity
 */
export function fitAffine(told: readonly Sample[], { lowest, middle }: MapLevels): MetricMap | undefined {
  if (told.length === 0) return undefined;
  const origin = Math.min(0, lowest);
  const samples = told.map((sample) => ({ ...sample, value: sample.value - origin }));
  const q = samples.map(({ metres }) => 1 / metres);
  const expected = weightedMedian(q, samples) / Math.max(middle - origin, 1e-6);
  const prior = {
    scale: expected,
    varScale: (SCALE_PRIOR * expected) ** 2,
    varShift: ((origin < 0 ? LOWEST_PRIOR : ZERO_PRIOR) * Math.max(...q)) ** 2,
  };
  let [scale, shift] = start(samples, q, prior);
  let fit: Normal | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const sigma = samples.map((s, i) => Math.hypot(s.error * q[i]!, s.spread * scale, MODEL_ERROR * q[i]!));
    const residuals = samples.map((s, i) => Math.abs(q[i]! - scale * s.value - shift) / sigma[i]!);
    const unit = Math.max(1, 1.4826 * weightedMedian(residuals, samples));
    const weights = samples.map((s, i) => (s.weight * biweight(residuals[i]! / unit)) / (sigma[i]! * unit) ** 2);
    fit = solve(samples, q, weights, prior);
    if (!fit) return undefined;
    const moved =
      Math.abs(fit.scale - scale) / (Math.abs(scale) + 1e-12) + Math.abs(fit.shift - shift) / Math.sqrt(prior.varShift);
    ({ scale, shift } = fit);
    if (moved < 1e-6) break;
  }
  if (!fit || !(fit.scale > 0)) return undefined;
  const { varScale, covariance, varShift } = fit;
  const slope = varScale / scale ** 2;
  // The variance of q = scale * d + shift, with d = (q - shift) / scale put in.
  return {
    scale,
    shift: shift - scale * origin,
    anchors: Math.min(samples.length, 0xffff),
    variance: [
      varShift - (2 * covariance * shift) / scale + slope * shift ** 2,
      (2 * covariance) / scale - 2 * slope * shift,
      slope,
    ],
  };
}

/** Of a network that gives metres: its scale alone, by a weighted median of the ratios. */
export function fitScale(samples: readonly Sample[]): MetricMap | undefined {
  const usable = samples.filter(({ value }) => value > 0);
  if (usable.length === 0) return undefined;
  const ratios = usable.map(({ metres, value }) => metres / value);
  const scale = weightedMedian(ratios, usable);
  const off = ratios.map((ratio) => Math.abs(ratio / scale - 1));
  const told = weightedMedian(
    usable.map(({ error }) => error),
    usable,
  );
  const sigma = Math.max(1.4826 * weightedMedian(off, usable), Math.hypot(told, MODEL_ERROR));
  // A median needs pi / 2 times the samples of a mean.
  const variance = (sigma ** 2 * (Math.PI / 2)) / usable.length;
  return { scale, shift: 0, anchors: Math.min(usable.length, 0xffff), variance: [0, 0, variance] };
}

/** The line through two anchors, or the one that is believed in and meets the anchors' middle, that fits best. */
function start(samples: readonly Sample[], q: readonly number[], prior: Prior): [scale: number, shift: number] {
  const n = samples.length;
  let best = believed(samples, q, prior);
  let least = cost(samples, q, best, prior);
  const step = Math.max(1, Math.ceil((n * (n - 1)) / 2 / MAX_PAIRS));
  for (let i = 0, pair = 0; i < n; i++)
    for (let j = i + 1; j < n; j++, pair++) {
      if (pair % step !== 0) continue;
      const run = samples[i]!.value - samples[j]!.value;
      const scale = (q[i]! - q[j]!) / run;
      if (!(scale > 0) || !Number.isFinite(scale)) continue;
      const line: [number, number] = [scale, q[i]! - scale * samples[i]!.value];
      const sum = cost(samples, q, line, prior);
      if (sum < least) [least, best] = [sum, line];
    }
  return best;
}

/** Through 0 where values allow it. */
function believed(samples: readonly Sample[], q: readonly number[], prior: Prior): [number, number] {
  const ratios = samples.map(({ value }, i) => q[i]! / value);
  const usable = ratios.map((ratio) => (ratio > 0 && Number.isFinite(ratio) ? ratio : prior.scale));
  return [weightedMedian(usable, samples), 0];
}

function cost(
  samples: readonly Sample[],
  q: readonly number[],
  [scale, shift]: readonly [number, number],
  prior: Prior,
): number {
  let sum = shift ** 2 / prior.varShift + (scale - prior.scale) ** 2 / prior.varScale;
  for (const [i, { value, spread, error, weight }] of samples.entries()) {
    const variance = (error * q[i]!) ** 2 + (spread * scale) ** 2 + (MODEL_ERROR * q[i]!) ** 2;
    sum += weight * Math.min(MSAC, (q[i]! - scale * value - shift) ** 2 / variance);
  }
  return sum;
}

interface Normal {
  scale: number;
  shift: number;
  varScale: number;
  covariance: number;
  varShift: number;
}

/** Weighted least squares with Gaussian priors. */
function solve(
  samples: readonly Sample[],
  q: readonly number[],
  weights: readonly number[],
  prior: Prior,
): Normal | undefined {
  let [dd, d, one, dq, qq] = [1 / prior.varScale, 0, 1 / prior.varShift, prior.scale / prior.varScale, 0];
  for (const [i, { value }] of samples.entries()) {
    const w = weights[i]!;
    dd += w * value * value;
    d += w * value;
    one += w;
    dq += w * value * q[i]!;
    qq += w * q[i]!;
  }
  const determinant = dd * one - d * d;
  if (!(determinant > 1e-12 * dd * one)) return undefined;
  return {
    scale: (dq * one - d * qq) / determinant,
    shift: (dd * qq - d * dq) / determinant,
    varScale: one / determinant,
    covariance: -d / determinant,
    varShift: dd / determinant,
  };
}

const biweight = (u: number): number => (u >= TUKEY ? 0 : (1 - (u / TUKEY) ** 2) ** 2);

function weightedMedian(values: readonly number[], samples: readonly { weight: number }[]): number {
  const order = values.map((value, i) => ({ value, weight: samples[i]!.weight })).sort((a, b) => a.value - b.value);
  const half = order.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let below = 0;
  for (const { value, weight } of order) {
    below += weight;
    if (below >= half) return value;
  }
  return order.at(-1)?.value ?? 0;
}
