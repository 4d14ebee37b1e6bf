import type { DisplayRange } from './types.ts';

/** Share of values left outside at each end: a few wild pixels must not set the range. */
const TAIL = 0.02;
const BINS = 512;
/** Values looked at: every n-th, so that about this many are. */
const SAMPLE = 16384;

/** Seconds in which the range goes 63 % of its way to a changed scene; quicker while the network's memory fills. */
const TIME_CONSTANT = 1.2;
const SETTLING_TIME_CONSTANT = 0.25;
const SETTLING_SECONDS = 1;
/** Changes smaller than this share of the span are left alone: noise must not make the picture pump. */
const DEAD_BAND = 0.04;
/** Fastest change of an end, in spans a second. */
const MAX_RATE = 1.5;

export interface Extremes {
  min: number;
  max: number;
  /** Robust ends: the TAIL and 1-TAIL quantiles. */
  low: number;
  high: number;
}

/** Reads a map's extremes and robust ends. `finite` is false when a looked-at value is NaN or infinite. */
export class ExtremesReader {
  readonly #bins = new Uint32Array(BINS);
  readonly result: Extremes & { finite: boolean } = { min: 0, max: 0, low: 0, high: 0, finite: true };

  read(values: Float32Array): Extremes & { finite: boolean } {
    const result = this.result;
    const step = Math.max(1, Math.floor(values.length / SAMPLE));
    let min = Infinity;
    let max = -Infinity;
    let sum = 0;
    for (let i = 0; i < values.length; i += step) {
      const v = values[i]!;
      if (v < min) min = v;
      if (v > max) max = v;
      sum += v;
    }
    // NaN fails every comparison and would hide from min and max, but not from the sum.
    result.finite = Number.isFinite(sum);
    result.min = min;
    result.max = max;
    result.low = min;
    result.high = max;
    if (!result.finite || max <= min) return result;
    const bins = this.#bins.fill(0);
    const scale = (BINS - 1e-3) / (max - min);
    let count = 0;
    for (let i = 0; i < values.length; i += step, count++) bins[((values[i]! - min) * scale) | 0]!++;
    result.low = min + quantile(bins, count * TAIL) / scale;
    result.high = min + quantile(bins, count * (1 - TAIL)) / scale;
    return result;
  }
}

/** Position in bins, with linear interpolation inside one, at which `count` values lie below. */
function quantile(bins: Uint32Array, count: number): number {
  let below = 0;
  for (let b = 0; b < bins.length; b++) {
    const inside = bins[b]!;
    if (below + inside >= count) return b + (inside > 0 ? (count - below) / inside : 0);
    below += inside;
  }
  return bins.length;
}

/**
 * The display range of a stream: causal (a frame's range depends on it and its past alone) and slew-limited, so
 * that a still scene keeps a still range and a new object dims the picture smoothly instead of at once.
 */
export class RangeTracker {
  #low = 0;
  #high = 0;
  #age = -1;

  /** For a run that is gone on with later. */
  get state(): { low: number; high: number; age: number } {
    return { low: this.#low, high: this.#high, age: this.#age };
  }

  restore({ low, high, age }: { low: number; high: number; age: number }): void {
    this.#low = low;
    this.#high = high;
    this.#age = age;
  }

  /** The next frame sets the range by itself. */
  reset(): void {
    this.#age = -1;
  }

  /** @param dt seconds since the last frame; the result is valid until the next call. */
  update({ low, high }: Extremes, dt: number): { low: number; high: number } {
    if (this.#age < 0) {
      this.#low = low;
      this.#high = high;
      this.#age = 0;
    } else {
      this.#age += dt;
      const settling = this.#age < SETTLING_SECONDS;
      const pull = 1 - Math.exp(-dt / (settling ? SETTLING_TIME_CONSTANT : TIME_CONSTANT));
      const span = Math.max(this.#high - this.#low, 1e-6);
      const band = settling ? 0 : DEAD_BAND * span;
      const most = MAX_RATE * span * dt * (settling ? 4 : 1);
      this.#low += step(low - this.#low, band, pull, most);
      this.#high += step(high - this.#high, band, pull, most);
    }
    // A flat map has no span of its own; show it as one grey instead of dividing by zero.
    const least = Math.max(1e-3 * Math.max(Math.abs(this.#low), Math.abs(this.#high)), 1e-6);
    return this.#high - this.#low < least
      ? { low: this.#low, high: this.#low + least }
      : { low: this.#low, high: this.#high };
  }
}

function step(error: number, band: number, pull: number, most: number): number {
  const beyond = Math.abs(error) - band;
  return beyond <= 0 ? 0 : Math.sign(error) * Math.min(beyond * pull, most);
}

/** Orders the ends by the unit: disparity grows towards the viewer, metres away from it. */
export function displayRange({ low, high }: { low: number; high: number }, unit: 'disparity' | 'metres'): DisplayRange {
  return unit === 'disparity' ? { near: high, far: low } : { near: low, far: high };
}
