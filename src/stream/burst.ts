const CLOCK_RATE_KHZ = 90;
/** Pictures that may wait, and ms that the first of them may. */
const MAX_WAITING = 8;
const MAX_WAIT_MS = 400;
/** Pictures that came within this share of the time in which they were captured came in a burst. */
const BURST_SHARE = 0.6;
/** ms in which a burst is to be worked off. */
const CATCH_UP_MS = 600;
/** Who takes more than this share of the time between two pictures for one of them does not work off a burst. */
const QUICK_SHARE = 0.9;
/** Pictures whose median time counts. */
const TIMES = 5;

export interface Arrived {
  /** performance.now() when it could be worked on. */
  at: number;
  rtpTimestamp: number;
}

/**
 * Which pictures may go on waiting although newer ones came. Where the network is too slow, none: the newest wins. But
 * behind a lost packet frames wait for its repair and then come all at once; that is no overload, and they are worked off
 * one after the other. On a machine that is full frames come together as well, since whoever receives them has to wait for the
 * processor: there the newest wins all the same, or each picture would wait behind those before it.
 */
export class BurstRule {
  #burstAt = Number.NEGATIVE_INFINITY;
  readonly #times: number[] = [];

  /** A picture was worked on for `ms`. */
  took(ms: number): void {
    this.#times.push(ms);
    if (this.#times.length > TIMES) this.#times.shift();
  }

  /** @param waiting oldest first, at least one */
  keeps(waiting: readonly Arrived[], next: Arrived): boolean {
    const [first] = waiting;
    const captured = ((next.rtpTimestamp - first!.rtpTimestamp) | 0) / CLOCK_RATE_KHZ;
    const came = next.at - first!.at;
    if (came < BURST_SHARE * captured) this.#burstAt = next.at;
    if (this.#milliseconds > (QUICK_SHARE * captured) / waiting.length) return false;
    return waiting.length < MAX_WAITING && came < MAX_WAIT_MS && next.at - this.#burstAt < CATCH_UP_MS;
  }

  /** Of a picture; 0 before the first. */
  get #milliseconds(): number {
    return this.#times.toSorted((a, b) => a - b)[this.#times.length >> 1] ?? 0;
  }
}
