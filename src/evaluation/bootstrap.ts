/** Resamples; the ends of a 95 % interval then vary by about a fiftieth of its width. */
const RESAMPLES = 2000;
const SEED = 0x5eed;
/** Fewer values in all say nothing about their spread. */
const FEWEST = 8;

export interface Interval {
  mean: number;
  /** Ends of the 95 % interval; NaN with fewer than 8 values. */
  low: number;
  high: number;
}

/**
 * Mean of several series, each counting the same, with a 95 % percentile interval of a circular moving-block bootstrap:
 * neighbouring frames of a video are alike, so blocks of about sqrt(n) neighbours are drawn, not single frames
 * (Politis and Romano 1992). It tells how sure the mean is over these videos' frames, not over other videos.
 * Seeded: the same series give the same interval.
 */
export function blockBootstrap(series: readonly (readonly number[])[]): Interval {
  const full = series.filter((values) => values.length > 0);
  if (full.length === 0) return { mean: Number.NaN, low: Number.NaN, high: Number.NaN };
  const mean = full.reduce((sum, values) => sum + values.reduce((a, b) => a + b, 0) / values.length, 0) / full.length;
  if (full.reduce((sum, values) => sum + values.length, 0) < FEWEST) return { mean, low: Number.NaN, high: Number.NaN };
  const random = generator(SEED);
  const blocks = full.map(blockSums);
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (const { sums, rest, length, size } of blocks) {
      let total = 0;
      for (let taken = 0; taken < length; taken += size) {
        const start = Math.floor(random() * length);
        total += taken + size <= length ? sums[start]! : rest[start]!;
      }
      sum += total / length;
    }
    return sum / blocks.length;
  }).sort();
  return { mean, low: quantile(means, 0.025), high: quantile(means, 0.975) };
}

/** Sums of the block that starts at each value, going round; `rest` of the shorter last block of a resample. */
function blockSums(values: readonly number[]) {
  const length = values.length;
  const size = Math.ceil(Math.sqrt(length));
  const sumFrom = (start: number, count: number) => {
    let sum = 0;
    for (let k = 0; k < count; k++) sum += values[(start + k) % length]!;
    return sum;
  };
  const sums = values.map((_, start) => sumFrom(start, size));
  const rest = values.map((_, start) => sumFrom(start, length % size));
  return { sums, rest, length, size };
}

function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low]! + (sorted[Math.min(low + 1, sorted.length - 1)]! - sorted[low]!) * (at - low);
}

/** Uniform numbers in [0, 1): mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
