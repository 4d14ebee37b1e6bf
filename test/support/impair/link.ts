import { checkImpairment, type Impairment, noStats, seededRandom } from './impairment.ts';

const DEFAULT_QUEUE_BYTES = 32 * 1024;
const DEFAULT_REORDER_MS = 20;
/** IPv4 and UDP. */
const HEADER_BYTES = 28;
/** Packets under way at once, whatever the delay; more are lost as from a full queue. */
const MAX_IN_FLIGHT = 20_000;

interface InFlight {
  at: number;
  deliver: () => void;
}

/** One direction of a path: takes packets, and hands them on when and as often as its impairment says. */
export class Link {
  readonly stats = noStats();
  #impairment: Impairment = {};
  readonly #random: () => number;
  #bad = false;
  /** When the bottleneck has sent what it holds. */
  #idleAt = 0;
  /** Arrival of the last packet that was not held back. */
  #lastAt = 0;
  /** By time of arrival. */
  readonly #inFlight: InFlight[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #dtlsDatagrams = 0;

  constructor(impairment: Impairment, seed: number) {
    this.set(impairment);
    this.#random = seededRandom(seed);
  }

  /** Packets under way. */
  get waiting(): number {
    return this.#inFlight.length;
  }

  /** Replaces the impairment; packets under way arrive as they were going to. */
  set(impairment: Impairment): void {
    checkImpairment(impairment);
    this.#impairment = impairment;
    this.#bad = false;
  }

  /**
   * @param deliver hands the packet on, once for each copy that arrives
   * @param first its first byte, which tells the protocol (RFC 7983)
   */
  send(bytes: number, deliver: () => void, first = 0): void {
    if (this.#closed) return;
    const { stats } = this;
    stats.received++;
    stats.receivedBytes += bytes;
    if (this.#isChosen(first) || this.#isLost(bytes)) return;
    this.#forward(bytes, deliver);
    if (this.#happens(this.#impairment.duplicate)) {
      stats.duplicated++;
      this.#forward(bytes, deliver);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#inFlight.length = 0;
  }

  #happens(share: number | undefined): boolean {
    return share !== undefined && share > 0 && this.#random() < share;
  }

  #isChosen(first: number): boolean {
    if (first < 20 || first > 63) return false;
    const chosen = this.#impairment.loseDtls?.includes(this.#dtlsDatagrams++) ?? false;
    if (chosen) this.stats.lost.chosen++;
    return chosen;
  }

  #isLost(bytes: number): boolean {
    const { lost } = this.stats;
    const { blackout, burst, loss, mtu } = this.#impairment;
    if (blackout) {
      lost.blackout++;
      return true;
    }
    if (mtu !== undefined && bytes + HEADER_BYTES > mtu) {
      lost.size++;
      return true;
    }
    if (burst) {
      this.#bad = this.#bad ? !this.#happens(burst.leave) : this.#happens(burst.enter);
      if (this.#bad && this.#happens(burst.loss ?? 1)) {
        lost.burst++;
        return true;
      }
    }
    if (!this.#happens(loss)) return false;
    lost.random++;
    return true;
  }

  #forward(bytes: number, deliver: () => void): void {
    const { delayMs = 0, jitterMs = 0, reorder, reorderMs = DEFAULT_REORDER_MS } = this.#impairment;
    const now = performance.now();
    const sentAt = this.#passBottleneck(bytes, now);
    if (sentAt === undefined) return;
    let at = Math.max(this.#lastAt, sentAt + delayMs + (jitterMs > 0 ? jitterMs * this.#random() : 0));
    if (this.#happens(reorder)) {
      this.stats.reordered++;
      at += reorderMs;
    } else this.#lastAt = at;
    const arrive = () => {
      this.stats.delivered++;
      this.stats.deliveredBytes += bytes;
      deliver();
    };
    if (at <= now && this.#inFlight.length === 0) arrive();
    else this.#schedule({ at, deliver: arrive });
  }

  /** @returns when the packet has left the bottleneck; undefined where its queue is full */
  #passBottleneck(bytes: number, now: number): number | undefined {
    const { bitrate, queueBytes = DEFAULT_QUEUE_BYTES } = this.#impairment;
    if (this.#inFlight.length >= MAX_IN_FLIGHT) {
      this.stats.lost.queue++;
      return undefined;
    }
    if (bitrate === undefined) return now;
    const waiting = (Math.max(0, this.#idleAt - now) * bitrate) / 8000;
    if (waiting > 0 && waiting + bytes > queueBytes) {
      this.stats.lost.queue++;
      return undefined;
    }
    this.stats.maxQueueBytes = Math.max(this.stats.maxQueueBytes, Math.round(waiting + bytes));
    this.#idleAt = Math.max(now, this.#idleAt) + (8000 * bytes) / bitrate;
    return this.#idleAt;
  }

  #schedule(packet: InFlight): void {
    let at = this.#inFlight.length;
    while (at > 0 && this.#inFlight[at - 1]!.at > packet.at) at--;
    this.#inFlight.splice(at, 0, packet);
    if (at === 0) this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const next = this.#inFlight[0];
    if (next && !this.#closed) this.#timer = setTimeout(() => this.#arrive(), Math.max(0, next.at - performance.now()));
  }

  #arrive(): void {
    const now = performance.now();
    let due = 0;
    // Half a millisecond early is closer than the timer's next millisecond.
    while (due < this.#inFlight.length && this.#inFlight[due]!.at <= now + 0.5) due++;
    for (const { deliver } of this.#inFlight.splice(0, due)) deliver();
    this.#arm();
  }
}
