/** Missing packets that may be requested at once; a larger hole is not worth repairing. */
export const MAX_MISSING = 512;
const MAX_TRIES = 10;
const MIN_RETRY_MS = 20;
const MAX_RETRY_MS = 250;
const MIN_PATIENCE_MS = 250;
const MAX_PATIENCE_MS = 1000;
/** Without a measurement. */
const DEFAULT_RTT_MS = 100;
/** A packet that is only out of order may take this long before it is requested. */
const MAX_REORDERING_MS = 20;
const REORDERING_DECAY = 0.995;

interface Missing {
  since: number;
  requestedAt: number;
  tries: number;
}

/**
 * Which packets to request again and when (RFC 4585 generic NACK). Each is requested once per round trip, a bounded
 * number of times, for a bounded time; where packets come out of order, not before they had time to. Sequence numbers are extended ones, which never wrap; times are in ms.
 */
export class NackList {
  requested = 0;
  recovered = 0;
  /** Ascending, because numbers are only ever added above the highest. */
  readonly #missing = new Map<number, Missing>();
  /** How late packets that were not lost have come recently, in ms. */
  #reordering = 0;

  get size(): number {
    return this.#missing.size;
  }

  /** @returns false where the hole from..to (inclusive) is too large to be repaired; the list is then empty */
  add(from: number, to: number, now: number): boolean {
    if (this.#missing.size + to - from + 1 > MAX_MISSING) {
      this.#missing.clear();
      return false;
    }
    this.#reordering *= REORDERING_DECAY;
    for (let sequence = from; sequence <= to; sequence++) {
      this.#missing.set(sequence, { since: now, requestedAt: Number.NEGATIVE_INFINITY, tries: 0 });
    }
    return true;
  }

  /** The packet has come: itself, or as a repair. */
  remove(sequence: number, now: number, repair: boolean): void {
    const entry = this.#missing.get(sequence);
    if (!entry) return;
    this.#missing.delete(sequence);
    const delay = now - entry.since;
    if (repair) this.recovered++;
    else if (delay < MAX_REORDERING_MS) this.#reordering = Math.max(this.#reordering, 1.25 * delay);
    else if (entry.tries > 0) this.recovered++;
  }

  /** Everything below no longer matters. */
  removeBelow(sequence: number): void {
    for (const missing of this.#missing.keys()) {
      if (missing >= sequence) return;
      this.#missing.delete(missing);
    }
  }

  clear(): void {
    this.#missing.clear();
  }

  /** The numbers to request now; counts them. */
  due(now: number, roundTripTime = DEFAULT_RTT_MS): number[] {
    const interval = Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, 1.25 * roundTripTime + 10));
    const due: number[] = [];
    for (const [sequence, entry] of this.#missing) {
      if (entry.tries >= MAX_TRIES || now - entry.requestedAt < interval || now - entry.since < this.#reordering)
        continue;
      entry.requestedAt = now;
      entry.tries++;
      due.push(sequence);
    }
    this.requested += due.length;
    return due;
  }

  /** The highest number that has expired: it is not worth requesting any more; undefined where none has. */
  expired(now: number, roundTripTime = DEFAULT_RTT_MS): number | undefined {
    const patience = Math.min(MAX_PATIENCE_MS, Math.max(MIN_PATIENCE_MS, 3 * roundTripTime + 150));
    let highest: number | undefined;
    for (const [sequence, { since }] of this.#missing) if (now - since >= patience) highest = sequence;
    return highest;
  }
}
