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
/** A queue that stands drains in this time, at a rate that is lower by this share at most. */
const DRAIN_MS = 2000;
const MAX_DRAIN_SHARE = 0.25;
const MIN_BITRATE = 150_000;
/** A cut for loss alone is judged by the loss after it: by so many packets, or what came in so many ms. */
const JUDGE_PACKETS = 60;
const JUDGE_MS = 4000;
/** What was under way at the cut still belongs to the time before. */
const JUDGE_FROM_MS = 500;
/** Where this share of the loss goes on at a lower rate, the path loses packets whatever it carries. */
const USELESS_LOSS_SHARE = 0.6;
/** More is taken for congestion whatever a cut does to it. */
const MAX_RANDOM_LOSS = 0.3;
/** A sender that did not become slower by so much tells nothing. */
const SLOWER_SHARE = 0.95;
const RANDOM_LOSS_MOMENTUM = 0.1;
/** Of few packets more get lost by chance: by so many standard deviations, of what came lately, before it counts. */
const SIGNIFICANCE = 1.5;
const RECENT_SHARE = 0.7;
/** Above the 8 % a second of the sender's own control, which then decides. */
const GROWTH_PER_SECOND = 1.15;
/** Close to the rate that was too much, which is remembered for a while. */
const CAREFUL_GROWTH_PER_SECOND = 1.04;
const CAREFUL_FROM = 0.8;
const CAREFUL_TO = 1.1;
const CEILING_MS = 15_000;
/** Standing queues, in ms: no growth above the first, a cut above the second, where the last interval began with one. */
const SOME_QUEUE_MS = 100;
const LONG_QUEUE_MS = 150;
/** A cut needs this long to show in the delay. */
const DELAY_CUT_INTERVAL_MS = 2000;
/** A cut that does not help by as much, this often in a row, says that it was not the network. */
const USEFUL_SHARE = 0.8;
const MAX_USELESS_CUTS = 2;
/** The empty path's transit time is the least of the last one to two of these. */
const BASE_MS = 10_000;
const CLOCK_JUMP_MS = 3000;

/** A cut for loss without a queue, until it is known whether it helped. */
interface LossCut {
  at: number;
  loss: number;
  /** bit/s before it: what was asked for and what came. */
  target: number;
  rate: number;
  since: number;
  bytes: number;
  packets: number;
  lost: number;
}

/**
 * How many bits per second to ask a sender for (REMB). Stays at `max` until the path shows congestion: more than 10 %
 * of the packets lost, or a standing queue. Loss that goes on as before at a lower rate is the path's own, and no reason to
 * stay low. On congestion the target is cut to what came through, and grows again, carefully where it was
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
  /** There was one before the last interval, too. */
  #stands = false;
  #delayCutAt = Number.NEGATIVE_INFINITY;
  #queueAtCut = 0;
  #uselessCuts = 0;
  #lossCut: LossCut | undefined;
  /** Share of packets that the path loses whatever it carries. */
  #randomLoss = 0;
  #loss = 0;
  /** Decaying sums. */
  #recent = { packets: 0, lost: 0 };

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

  /** Share of packets that did not come, lately. */
  get loss(): number {
    const { packets, lost } = this.#recent;
    return packets > 0 ? lost / packets : 0;
  }

  /** Whether what is lost says nothing about congestion. */
  get toleratesLoss(): boolean {
    return this.#queue <= SOME_QUEUE_MS && !this.#lossCut && this.#loss <= this.#tolerated;
  }

  get #tolerated(): number {
    return Math.max(HIGH_LOSS, 1.5 * this.#randomLoss + LOW_LOSS);
  }

  /** Whether more is lost than what is tolerated, and not by chance. */
  get #losesMore(): boolean {
    const { packets } = this.#recent;
    const most = this.#tolerated;
    const chance = SIGNIFICANCE * Math.sqrt((most * (1 - most)) / packets);
    return packets >= MIN_PACKETS && this.#loss > most && this.loss > most + chance;
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
    this.#loss = loss;
    const { packets, lost } = this.#recent;
    this.#recent = { packets: RECENT_SHARE * packets + count.packets, lost: RECENT_SHARE * lost + count.lost };
    if (this.#queue > SOME_QUEUE_MS) {
      // Loss from a path whose queue stands is the bottleneck's.
      this.#lossCut = undefined;
      if (loss > Math.max(LOW_LOSS, this.#randomLoss) && count.packets >= MIN_PACKETS)
        this.#cut(rate, CUT_BY_LOSS, now);
      // A sender that pauses says nothing about the queue, and what came of it is no rate of the path's.
      else if (this.#queue > LONG_QUEUE_MS && this.#stands && count.packets >= MIN_PACKETS) this.#cutByDelay(rate, now);
      return;
    }
    if (this.#randomLoss > 0) this.#randomLoss += RANDOM_LOSS_MOMENTUM * (loss - this.#randomLoss);
    // Without one it may be the radio's.
    if (this.#lossCut) this.#judge(this.#lossCut, count, now);
    else if (this.#losesMore) {
      const { target } = this;
      if (loss <= MAX_RANDOM_LOSS)
        this.#lossCut = { at: now, loss: this.loss, target, rate, since: now, bytes: 0, packets: 0, lost: 0 };
      this.#cut(rate, CUT_BY_LOSS, now);
    } else if (loss < this.#tolerated) this.#grow(elapsed, now, loss > Math.max(LOW_LOSS, 2 * this.#randomLoss));
  }

  #judge(cut: LossCut, { bytes, packets, lost }: { bytes: number; packets: number; lost: number }, now: number): void {
    if (now - cut.at < JUDGE_FROM_MS) {
      cut.since = now;
      return;
    }
    cut.bytes += bytes;
    cut.packets += packets;
    cut.lost += lost;
    if (cut.packets < JUDGE_PACKETS && now - cut.since < JUDGE_MS) return;
    const loss = cut.packets > 0 ? cut.lost / cut.packets : 0;
    const stillLossy = loss >= USELESS_LOSS_SHARE * cut.loss;
    const slower = (8000 * cut.bytes) / Math.max(1, now - cut.since) < SLOWER_SHARE * cut.rate;
    // A sender that does not follow teaches nothing: it may yet.
    if (stillLossy && !slower && now - cut.at < 3 * JUDGE_MS) {
      Object.assign(cut, { since: now, bytes: 0, packets: 0, lost: 0 });
      return;
    }
    this.#lossCut = undefined;
    if (!stillLossy || !slower || loss > MAX_RANDOM_LOSS) return;
    this.#randomLoss = (loss + cut.loss) / 2;
    this.#target = Math.max(this.#target, cut.target);
    this.#ceiling = Number.POSITIVE_INFINITY;
  }

  #cut(rate: number, share: number, now: number): void {
    this.#ceiling = rate;
    this.#ceilingAt = now;
    const drain = Math.min(MAX_DRAIN_SHARE, this.#queue / DRAIN_MS);
    this.#target = Math.max(MIN_BITRATE, Math.min(this.#target, (share - drain) * rate));
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

  /** @param careful a little is lost: not more than before, and nothing waits */
  #grow(elapsed: number, now: number, careful: boolean): void {
    if (now - this.#ceilingAt > CEILING_MS || this.#target > CAREFUL_TO * this.#ceiling)
      this.#ceiling = Number.POSITIVE_INFINITY;
    const growth =
      careful || this.#target > CAREFUL_FROM * this.#ceiling ? CAREFUL_GROWTH_PER_SECOND : GROWTH_PER_SECOND;
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
    this.#stands = this.#queue > SOME_QUEUE_MS;
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
