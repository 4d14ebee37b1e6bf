/** One interval of reception, about half a second. */
export interface ReceptionInterval {
  /** performance.now() at its end. */
  now: number;
  /** Payload bytes that came, retransmissions included. */
  bytes: number;
  /** Packets of the original stream that were due, and those of them that did not come. */
  packets: number;
  lost: number;
  /** Least transit time of a frame in ms, on an arbitrary but constant clock; undefined where no frame began. */
  transit: number | undefined;
}

const HIGH_LOSS = 0.1;
const LOW_LOSS = 0.02;
/** Fewer packets make no statistic: one of five lost is not 20 %. They are counted together for a while. */
const MIN_PACKETS = 20;
const MAX_COUNT_MS = 2000;
/** What a congested path carries is what came; a little less lets its queue drain. */
const CUT_BY_LOSS = 0.85;
const CUT_BY_DELAY = 0.8;
const MIN_BITRATE = 150_000;
/** Above the 8 % a second of the sender's own control, which then decides. */
const GROWTH_PER_SECOND = 1.15;
/** Close to the rate that was too much, which is remembered for a while. */
const CAREFUL_GROWTH_PER_SECOND = 1.04;
const CAREFUL_FROM = 0.8;
const CAREFUL_TO = 1.1;
const CEILING_MS = 15_000;
/** Standing queues, in ms: no growth above the first, a cut above the second. */
const SOME_QUEUE_MS = 100;
const LONG_QUEUE_MS = 400;
/** A cut needs this long to show in the delay. */
const DELAY_CUT_INTERVAL_MS = 2000;
/** A cut that does not help by as much, this often in a row, says that it was not the network. */
const USEFUL_SHARE = 0.8;
const MAX_USELESS_CUTS = 2;
/** The empty path's transit time is the least of the last one to two of these. */
const BASE_MS = 10_000;
const CLOCK_JUMP_MS = 3000;

/**
 * How many bits per second to ask a sender for (REMB). Stays at `max` until the path shows congestion: more than 10 %
 * of the packets lost, or a standing queue. Then it is cut to what came through, and grows again, carefully where it was
 * too much before. A reduced form of draft-ietf-rmcat-gcc-02 that trusts only lasting signs: an estimator that follows
 * every change of delay starves senders on a busy machine.
 */
export class ReceiveRate {
  readonly #max: number;
  #target: number;
  #count: { since: number | undefined; bytes: number; packets: number; lost: number } = {
    since: undefined,
    bytes: 0,
    packets: 0,
    lost: 0,
  };
  #ceiling = Number.POSITIVE_INFINITY;
  #ceilingAt = 0;
  #base = Number.POSITIVE_INFINITY;
  #nextBase = Number.POSITIVE_INFINITY;
  #baseAt = 0;
  #queue = 0;
  #delayCutAt = Number.NEGATIVE_INFINITY;
  #queueAtCut = 0;
  #uselessCuts = 0;

  /** @param max bit/s */
  constructor(max: number) {
    this.#max = max;
    this.#target = max;
  }

  /** bit/s. */
  get target(): number {
    return Math.round(this.#target);
  }

  /** ms of standing queue in the last interval. */
  get queue(): number {
    return this.#queue;
  }

  update({ now, bytes, packets, lost, transit }: ReceptionInterval): void {
    this.#measureQueue(now, transit);
    const since = this.#count.since ?? now;
    const count = {
      since,
      bytes: this.#count.bytes + bytes,
      packets: this.#count.packets + packets,
      lost: this.#count.lost + lost,
    };
    const elapsed = now - since;
    if (elapsed <= 0 || (count.packets < MIN_PACKETS && elapsed < MAX_COUNT_MS)) {
      this.#count = count;
      return;
    }
    this.#count = { since: now, bytes: 0, packets: 0, lost: 0 };
    this.#decide(count, elapsed, now);
  }

  #decide(count: { bytes: number; packets: number; lost: number }, elapsed: number, now: number): void {
    const rate = (8000 * count.bytes) / elapsed;
    const loss = count.packets > 0 ? count.lost / count.packets : 0;
    // Loss alone may be the radio's; loss from a path whose queue stands is the bottleneck's.
    const threshold = this.#queue > SOME_QUEUE_MS ? LOW_LOSS : HIGH_LOSS;
    if (loss > threshold && count.packets >= MIN_PACKETS) this.#cut(rate, CUT_BY_LOSS, now);
    else if (this.#queue > LONG_QUEUE_MS) this.#cutByDelay(rate, now);
    else if (loss < LOW_LOSS && this.#queue < SOME_QUEUE_MS) this.#grow(elapsed, now);
  }

  #cut(rate: number, share: number, now: number): void {
    this.#ceiling = rate;
    this.#ceilingAt = now;
    this.#target = Math.max(MIN_BITRATE, Math.min(this.#target, share * rate));
  }

  #cutByDelay(rate: number, now: number): void {
    if (now - this.#delayCutAt < DELAY_CUT_INTERVAL_MS) return;
    const again = now - this.#delayCutAt < 2 * DELAY_CUT_INTERVAL_MS;
    this.#uselessCuts = again && this.#queue > USEFUL_SHARE * this.#queueAtCut ? this.#uselessCuts + 1 : 0;
    if (this.#uselessCuts > MAX_USELESS_CUTS) {
      this.#forgetBase();
      return;
    }
    this.#delayCutAt = now;
    this.#queueAtCut = this.#queue;
    this.#cut(rate, CUT_BY_DELAY, now);
  }

  #grow(elapsed: number, now: number): void {
    if (now - this.#ceilingAt > CEILING_MS || this.#target > CAREFUL_TO * this.#ceiling)
      this.#ceiling = Number.POSITIVE_INFINITY;
    const careful = this.#target > CAREFUL_FROM * this.#ceiling;
    const growth = careful ? CAREFUL_GROWTH_PER_SECOND : GROWTH_PER_SECOND;
    this.#target = Math.min(this.#max, this.#target * growth ** Math.min(2, elapsed / 1000));
  }

  #measureQueue(now: number, transit: number | undefined): void {
    if (transit === undefined) return;
    if (Math.abs(transit - this.#base) > CLOCK_JUMP_MS) this.#forgetBase();
    if (now - this.#baseAt > BASE_MS) {
      this.#base = this.#nextBase;
      this.#nextBase = Number.POSITIVE_INFINITY;
      this.#baseAt = now;
    }
    this.#nextBase = Math.min(this.#nextBase, transit);
    this.#base = Math.min(this.#base, transit);
    this.#queue = transit - this.#base;
  }

  #forgetBase(): void {
    this.#base = this.#nextBase = Number.POSITIVE_INFINITY;
    this.#queue = 0;
    this.#uselessCuts = 0;
  }
}
