/** Missing packets that may be requested at once; a larger hole is not worth repairing. */
export const MAX_MISSING = 512;
const MAX_TRIES = 10;
/** After a request that is repeated, so that both are not lost in one burst. */
const REPEAT_MS = 20;
const MIN_RETRY_MS = 20;
const MAX_RETRY_MS = 400;
/** After this, three round trips and a bit, a keyframe is asked for. */
const MIN_PATIENCE_MS = 250;
const MAX_PATIENCE_MS = 1000;
/** For so long it is asked for beside the keyframe: where the sender makes none on request, it comes first. */
const HOLD_MS = 600;
/** Without a measurement. */
const DEFAULT_RTT_MS = 100;
/** A packet that is only out of order may take this long, or half a round trip, before it is requested. */
const MIN_REORDERING_MS = 20;
const MAX_REORDERING_MS = 100;
/** What came sooner after it was requested is no answer. */
const ANSWER_SHARE = 0.8;
const REORDERING_DECAY = 0.995;

interface Missing {
  since: number;
  requestedAt: number;
  tries: number;
  /** Whether the last request was repeated. */
  repeated: boolean;
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
      this.#missing.set(sequence, { since: now, requestedAt: Number.NEGATIVE_INFINITY, tries: 0, repeated: false });
    }
    return true;
  }

  /**
   * The packet has come.
   * @param kind `repair`: as one; `original`: itself, and repairs are told apart; `either`: repairs look like it
   */
  remove(sequence: number, now: number, kind: 'repair' | 'original' | 'either', roundTripTime = DEFAULT_RTT_MS): void {
    const entry = this.#missing.get(sequence);
    if (!entry) return;
    this.#missing.delete(sequence);
    const answered = entry.tries > 0 && now - entry.requestedAt >= ANSWER_SHARE * roundTripTime;
    if (kind === 'repair' || (kind === 'either' && answered)) {
      this.recovered++;
      return;
    }
    const most = Math.min(MAX_REORDERING_MS, Math.max(MIN_REORDERING_MS, roundTripTime / 2));
    const delay = 1.25 * (now - entry.since);
    if (delay <= 1.5 * most) this.#reordering = Math.max(this.#reordering, Math.min(most, delay));
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

  /**
   * The numbers to request now; counts them.
   * @param repeats whether requests are sent twice: they get lost, too
   */
  due(now: number, roundTripTime = DEFAULT_RTT_MS, repeats = false): number[] {
    const interval = Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, 1.25 * roundTripTime + 10));
    const due: number[] = [];
    for (const [sequence, entry] of this.#missing) {
      const age = now - entry.requestedAt;
      if (repeats && entry.tries > 0 && !entry.repeated && age >= REPEAT_MS && age < interval) {
        entry.repeated = true;
        due.push(sequence);
        continue;
      }
      if (entry.tries >= MAX_TRIES || age < interval || now - entry.since < this.#reordering) continue;
      entry.requestedAt = now;
      entry.tries++;
      entry.repeated = false;
      due.push(sequence);
    }
    this.requested += due.length;
    return due;
  }

  /** Whether one from this number on is missing for so long that a keyframe may come sooner. */
  isLate(from: number, now: number, roundTripTime = DEFAULT_RTT_MS): boolean {
    const patience = patienceOf(roundTripTime);
    // Ascending, and the lower ones have been missing for longer.
    for (const [sequence, { since }] of this.#missing) if (sequence >= from) return now - since >= patience;
    return false;
  }

  /** The highest number that has expired: it is not worth requesting any more; undefined where none has. */
  expired(now: number, roundTripTime = DEFAULT_RTT_MS): number | undefined {
    const patience = patienceOf(roundTripTime) + HOLD_MS;
    let highest: number | undefined;
    for (const [sequence, { since }] of this.#missing) if (now - since >= patience) highest = sequence;
    return highest;
  }
}

const patienceOf = (roundTripTime: number): number =>
  Math.min(MAX_PATIENCE_MS, Math.max(MIN_PATIENCE_MS, 3 * roundTripTime + 150));
