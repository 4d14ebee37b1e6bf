import type { MetricMap } from '../protocol/index.ts';
import { fitAffine, fitScale, type MapLevels, type Sample } from './metric-fit.ts';

/** A place of the picture whose distance is known. */
export interface Anchor {
  /** Of the picture: 0, 0 is its top left corner, 1, 1 its bottom right one. */
  x: number;
  y: number;
  /** Along the optical axis. */
  metres: number;
  /** One standard deviation of `metres`, as a share of it; 0.05 where it is left out. */
  error?: number | undefined;
}

/** A depth map, as far as anchors look at it. */
export interface AnchoredMap {
  /** Row-major [height*width], in `unit`. */
  values: Float32Array;
  width: number;
  height: number;
  unit: 'disparity' | 'metres';
  /** Values of two epochs are not comparable: what was learnt is forgotten. */
  epoch: number;
}

/** Most anchors that are remembered; one more forgets the oldest. */
const MAX_ANCHORS = 256;
/** Seconds after which an anchor is forgotten: networks drift. */
const MAX_AGE = 60;
const DEFAULT_ERROR = 0.05;
/** An anchor is compared with the median of so many pixels to each side. */
const REACH = 2;
/** Seconds in which the map goes 63 % of its way to a new fit, and the most that it changes of any distance, a second. */
const TIME_CONSTANT = 0.4;
const MAX_RATE = 0.5;
/** A fit takes time in proportion to the anchors, and a peer may send anchors with every picture: with so many more, one map more to the next. */
const ANCHORS_A_MAP = 32;
/** Anchors at most so far apart, as a share of the picture's sides, are at one place. */
const PLACE = 1 / 32;

/** Pixels of a map that its levels are taken of. */
const LEVEL_SAMPLES = 1024;

interface Known extends Omit<Sample, 'age' | 'crowd'> {
  x: number;
  y: number;
  at: number;
}

/**
 * Makes metres of a network's values from places whose distance is known. Causal: a map depends on anchors of its past alone.
 * Anchors are compared with the map that follows them, and what they say is gathered over the epoch. The fit is robust against a
 * fifth of wrong ones; it moves with a limited speed, so that depth does not jump when an anchor is added; and it begins anew with each epoch.
 */
export class AnchorTracker {
  #pending: Anchor[] = [];
  #known: Known[] = [];
  #epoch: number | undefined;
  #map: MetricMap | undefined;
  #target: MetricMap | undefined;
  #last = 0;
  /** The anchors have changed since the last fit, which was so many maps ago. */
  #changed = false;
  #maps = Number.POSITIVE_INFINITY;
  #problem: string | undefined;
  /** Anchors that lay on nothing: pixels without a value. */
  missed = 0;

  /** They hold for the next map. */
  add(anchors: readonly Anchor[]): void {
    this.#pending.push(...anchors);
    if (this.#pending.length > MAX_ANCHORS) this.#pending = this.#pending.slice(-MAX_ANCHORS);
  }

  /** Why anchors have not come to use since this was asked for last, for people. */
  takeProblem(): string | undefined {
    const problem = this.#problem;
    this.#problem = undefined;
    return problem;
  }

  /**
   * The next map. @param seconds media time, rising
   * @returns what makes metres of its values; undefined before the first anchor of an epoch
   */
  update(map: AnchoredMap, seconds: number): MetricMap | undefined {
    if (map.epoch !== this.#epoch) {
      this.#epoch = map.epoch;
      this.#known = [];
      this.#map = undefined;
      this.#target = undefined;
      this.#maps = Number.POSITIVE_INFINITY;
    }
    if (this.#pending.length === 0 && this.#known.length === 0 && !this.#target) return undefined;
    const count = this.#known.length;
    this.#known = this.#known.filter(({ at }) => seconds - at <= MAX_AGE);
    if (this.#pending.length > 0 || this.#known.length < count) this.#changed = true;
    for (const anchor of this.#pending.splice(0)) {
      const sample = sampled(map, anchor);
      if (sample) this.#known.push({ ...sample, at: seconds });
      else {
        this.missed++;
        this.#problem = `depth has no value at ${anchor.x.toFixed(3)}, ${anchor.y.toFixed(3)}`;
      }
    }
    if (this.#known.length > MAX_ANCHORS) this.#known = this.#known.slice(-MAX_ANCHORS);
    if (++this.#maps >= this.#known.length / ANCHORS_A_MAP && this.#changed) {
      this.#changed = false;
      this.#maps = 0;
      this.#fit(map, seconds);
    }
    const dt = Math.max(0, Math.min(1, seconds - this.#last));
    this.#last = seconds;
    if (this.#target) this.#map = this.#map ? slewed(this.#map, this.#target, dt, this.#known) : this.#target;
    return this.#map;
  }

  /** Without any anchor that is young enough the last fit stays: it is still the best that is known of this epoch. */
  #fit(map: AnchoredMap, seconds: number): void {
    if (this.#known.length === 0) return;
    const samples = this.#known.map((one) => ({ ...one, age: seconds - one.at, crowd: crowdOf(one, this.#known) }));
    const found = map.unit === 'metres' ? fitScale(samples) : fitAffine(samples, levelsOf(map));
    this.#target = found ?? this.#target;
    if (found) return;
    this.#problem =
      map.unit === 'metres'
        ? 'depth has no distance where they are'
        : 'they contradict depth: what is told to be nearer is seen farther away';
  }
}

function crowdOf({ x, y }: Known, known: readonly Known[]): number {
  let count = 0;
  for (const other of known) if (Math.abs(other.x - x) < PLACE && Math.abs(other.y - y) < PLACE) count++;
  return count;
}

/** Towards `to`, so that no anchor's distance changes faster than MAX_RATE. */
function slewed(from: MetricMap, to: MetricMap, dt: number, known: readonly Known[]): MetricMap {
  let change = 0;
  for (const { value } of known) {
    const before = from.scale * value + from.shift;
    if (before > 0) change = Math.max(change, Math.abs((to.scale * value + to.shift) / before - 1));
  }
  if (change < 1e-6) return to;
  const step = Math.min(1 - Math.exp(-dt / TIME_CONSTANT), (MAX_RATE * dt) / change);
  return {
    ...to,
    scale: from.scale + (to.scale - from.scale) * step,
    shift: from.shift + (to.shift - from.shift) * step,
  };
}

/** The network's value at an anchor, and how sure it is: the median and the spread of the pixels around. */
function sampled(
  { values, width, height }: AnchoredMap,
  { x, y, metres, error = DEFAULT_ERROR }: Anchor,
): Omit<Known, 'at'> | undefined {
  const column = Math.min(width - 1, Math.max(0, Math.floor(x * width)));
  const row = Math.min(height - 1, Math.max(0, Math.floor(y * height)));
  const around: number[] = [];
  for (let j = Math.max(0, row - REACH); j <= Math.min(height - 1, row + REACH); j++)
    for (let i = Math.max(0, column - REACH); i <= Math.min(width - 1, column + REACH); i++) {
      const value = values[j * width + i]!;
      if (Number.isFinite(value)) around.push(value);
    }
  if (around.length === 0) return undefined;
  const value = median(around);
  const spread = 1.4826 * median(around.map((v) => Math.abs(v - value)));
  return { value, spread, metres, error, x, y };
}

/** Of every so many pixels: 3 % of them are lower than what counts as the lowest. */
function levelsOf({ values }: AnchoredMap): MapLevels {
  const step = Math.max(1, Math.floor(values.length / LEVEL_SAMPLES));
  const some: number[] = [];
  for (let i = 0; i < values.length; i += step) if (Number.isFinite(values[i]!)) some.push(values[i]!);
  some.sort((a, b) => a - b);
  const middle = some[some.length >> 1] ?? 1;
  const spread = some.reduce((sum, value) => sum + Math.abs(value - middle), 0) / Math.max(1, some.length);
  return { lowest: some[Math.floor(0.03 * some.length)] ?? 0, middle, spread };
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
