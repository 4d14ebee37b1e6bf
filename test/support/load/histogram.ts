/** Values from 0.05 ms to a minute and a half, in bins that each are 1 % wider than the one before. */
const MIN_VALUE = 0.05;
const RATIO = 1.01;
const BINS = 1450;

export interface Quantiles {
  count: number;
  mean: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** Counts of positive numbers; its quantiles are right to 1 % whatever their number, in memory that does not grow. */
export class Histogram {
  readonly #bins = new Uint32Array(BINS);
  #count = 0;
  #sum = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    const bin = Math.floor(Math.log(Math.max(value, MIN_VALUE) / MIN_VALUE) / Math.log(RATIO));
    this.#bins[Math.min(bin, BINS - 1)]!++;
    this.#count++;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  merge(other: Histogram): this {
    for (let i = 0; i < BINS; i++) this.#bins[i]! += other.#bins[i]!;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
    return this;
  }

  /** @param q 0..1; NaN of nothing */
  quantile(q: number): number {
    if (this.#count === 0) return Number.NaN;
    const rank = Math.min(this.#count - 1, Math.floor(q * this.#count));
    let below = 0;
    for (let bin = 0; bin < BINS; bin++) {
      below += this.#bins[bin]!;
      // The middle of the bin, but never above what was seen.
      if (below > rank) return Math.min(MIN_VALUE * RATIO ** (bin + 0.5), this.#max);
    }
    return this.#max;
  }

  summary(): Quantiles {
    return {
      count: this.#count,
      mean: this.#count === 0 ? Number.NaN : this.#sum / this.#count,
      p50: this.quantile(0.5),
      p95: this.quantile(0.95),
      p99: this.quantile(0.99),
      max: this.#count === 0 ? Number.NaN : this.#max,
    };
  }
}
