const MIN_INTERVAL_MS = 300;
/** After this, or two round trips, a request counts as lost. */
const RETRY_MS = 450;

/** When a sender is asked for a keyframe (PLI, RFC 4585 6.3.1): requests in quick succession count as one, a lost one is repeated. */
export class KeyframeRequests {
  sent = 0;
  readonly #send: (ssrc: number) => void;
  #at = Number.NEGATIVE_INFINITY;

  constructor(send: (ssrc: number) => void) {
    this.#send = send;
  }

  /**
   * @param now performance.now()
   * @param roundTripTime ms, where known
   */
  request(ssrc: number, now: number, roundTripTime: number | undefined): void {
    if (now - this.#at < Math.max(MIN_INTERVAL_MS, 2 * (roundTripTime ?? 0))) return;
    this.#at = now;
    this.sent++;
    this.#send(ssrc);
  }

  /** Whether the last request would have been answered by now. */
  isOverdue(now: number, roundTripTime: number | undefined): boolean {
    return now - this.#at > Math.max(RETRY_MS, 2 * (roundTripTime ?? 0));
  }
}
