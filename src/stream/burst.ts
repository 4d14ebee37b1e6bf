const CLOCK_RATE_KHZ = 90;
/** Pictures that may wait, and ms that the first of them may. */
const MAX_WAITING = 8;
const MAX_WAIT_MS = 400;
/** Pictures that came within this share of the time in which they were captured came in a burst. */
const BURST_SHARE = 0.6;
/** ms in which a burst is to be worked off. */
const CATCH_UP_MS = 600;

export interface Arrived {
  /** performance.now() when it could be worked on. */
  at: number;
  rtpTimestamp: number;
}

/**
 * Which pictures may go on waiting although newer ones came. Where the network is too slow, none: the newest wins. But
 * behind a lost packet frames wait for its repair and then come all at once; that is no overload, and they are worked off
 * one after the other.
 */
export class BurstRule {
  #burstAt = Number.NEGATIVE_INFINITY;

  /** @param waiting oldest first, at least one */
  keeps(waiting: readonly Arrived[], next: Arrived): boolean {
    const [first] = waiting;
    const captured = ((next.rtpTimestamp - first!.rtpTimestamp) | 0) / CLOCK_RATE_KHZ;
    const came = next.at - first!.at;
    if (came < BURST_SHARE * captured) this.#burstAt = next.at;
    return waiting.length < MAX_WAITING && came < MAX_WAIT_MS && next.at - this.#burstAt < CATCH_UP_MS;
  }
}
