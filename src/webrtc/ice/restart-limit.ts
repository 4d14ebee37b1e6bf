import { DepthcastError } from '../../errors.ts';

/** A phone between two networks may need a few at once. */
const BURST = 5;
const INTERVAL_MS = 2000;

/** How often one peer may restart ICE: each restart holds timers and checks until a pair is nominated. */
export class RestartLimit {
  /** performance.now() at which the whole burst is there again. */
  #fullAt = Number.NEGATIVE_INFINITY;

  /**
   * Counts one restart.
   * @throws DepthcastError RATE_LIMITED
   */
  take(): void {
    const now = performance.now();
    const fullAt = Math.max(now, this.#fullAt) + INTERVAL_MS;
    const wait = fullAt - now - BURST * INTERVAL_MS;
    if (wait > 0) {
      const detail = `ICE restarts: ${BURST} at once, then one in ${INTERVAL_MS / 1000} s`;
      throw new DepthcastError('RATE_LIMITED', { detail, retryAfter: Math.ceil(wait / 1000) });
    }
    this.#fullAt = fullAt;
  }
}
