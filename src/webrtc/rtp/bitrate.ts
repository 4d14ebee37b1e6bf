/** bit/s. */
export interface BitrateLimits {
  min: number;
  max: number;
  start: number;
}

export const DEFAULT_BITRATE: BitrateLimits = { min: 100_000, max: 4_000_000, start: 1_000_000 };

const HIGH_LOSS = 0.1;
const LOW_LOSS = 0.02;
const GROWTH_PER_SECOND = 1.08;
/** One cut per episode of loss: what was sent before a cut says nothing about the rate after it. */
const CUT_INTERVAL_MS = 600;
/** Fewer packets make no statistic: one of five lost is not 20 %. */
const MIN_PACKETS = 20;
/** An estimate that old says nothing. */
const REMB_TTL_MS = 10_000;

/**
 * How many bits per second to encode: what the receiver estimates (REMB) at most; cut by half the loss fraction where
 * more than 10 % are lost, grown by 8 % a second where less than 2 % are (draft-ietf-rmcat-gcc-02 section 6).
 */
export class BitrateEstimator {
  readonly #limits: BitrateLimits;
  #byLoss: number;
  #remb: { bitrate: number; at: number } | undefined;
  #last: { highest: number; lost: number; at: number } | undefined;
  #lastCut = Number.NEGATIVE_INFINITY;

  constructor(limits: BitrateLimits = DEFAULT_BITRATE) {
    this.#limits = limits;
    this.#byLoss = limits.start;
  }

  /** bit/s. */
  target(now: number): number {
    const cap = this.#remb && now - this.#remb.at < REMB_TTL_MS ? this.#remb.bitrate : Number.POSITIVE_INFINITY;
    return Math.round(Math.max(this.#limits.min, Math.min(this.#limits.max, this.#byLoss, cap)));
  }

  noteRemb(bitrate: number, now: number): void {
    this.#remb = { bitrate, at: now };
  }

  /** Totals of a receiver report: highest extended sequence number, packets lost; `now` in ms. */
  noteReport(highest: number, lost: number, now: number): void {
    const last = this.#last;
    const packets = last ? (highest - last.highest) | 0 : 0;
    if (last && packets >= 0 && packets < MIN_PACKETS) return;
    this.#last = { highest, lost, at: now };
    // Going backwards is another receiver.
    if (last && packets > 0) this.#noteLoss(Math.max(0, lost - last.lost) / packets, now, now - last.at);
  }

  #noteLoss(fraction: number, now: number, elapsed: number): void {
    if (fraction > HIGH_LOSS) {
      if (now - this.#lastCut < CUT_INTERVAL_MS) return;
      this.#lastCut = now;
      this.#byLoss *= 1 - 0.5 * Math.min(1, fraction);
    } else if (fraction < LOW_LOSS) {
      this.#byLoss *= GROWTH_PER_SECOND ** Math.min(2, elapsed / 1000);
    }
    this.#byLoss = Math.max(this.#limits.min, Math.min(this.#limits.max, this.#byLoss));
  }
}
