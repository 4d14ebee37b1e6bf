const CLOCK_RATE = 90_000;
/** Network and encoder delay a frame by less. */
const MAX_DRIFT_SECONDS = 2;

/**
 * Unwraps 32-bit RTP timestamps of 90 kHz into seconds that never go back. Where they step otherwise than their frames
 * came, the sender's clock jumped: its frames then follow each other as they came.
 */
export class MediaClock {
  #last: { timestamp: number; arrivedAt: number } | undefined;
  #seconds = 0;
  /** Times that the sender's clock jumped. */
  jumps = 0;

  /** @param arrivedAt performance.now() at the frame's first packet */
  seconds(timestamp: number, arrivedAt: number): number {
    const last = this.#last;
    this.#last = { timestamp, arrivedAt };
    if (!last) return 0;
    // The signed 32-bit difference: a wrap is a small step.
    const step = ((timestamp - last.timestamp) | 0) / CLOCK_RATE;
    const elapsed = Math.max(0, (arrivedAt - last.arrivedAt) / 1000);
    const jumped = step < 0 || Math.abs(step - elapsed) > MAX_DRIFT_SECONDS;
    if (jumped) this.jumps++;
    this.#seconds += jumped ? elapsed : step;
    return this.#seconds;
  }
}
