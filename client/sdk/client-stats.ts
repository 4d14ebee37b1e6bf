import type { FrameCounters, ReceivedFrame } from './frames.ts';
import type { LiveStats } from './types.ts';

/** A lag above this is a clock that runs differently, not a lag (milliseconds). */
const MAX_LAG = 60_000;

/** What the client measures of one connection, between two reports of the server. */
export class ClientStats {
  #received = 0;
  #since = performance.now();
  #lags: number[] = [];

  count({ captureTime, receivedAt }: ReceivedFrame): void {
    if (captureTime === undefined) return;
    const lag = performance.timeOrigin + receivedAt - captureTime;
    if (lag >= 0 && lag < MAX_LAG) this.#lags.push(lag);
  }

  /** The numbers since the last call. */
  take(counters: FrameCounters, roundTrip: number | undefined): LiveStats['client'] {
    const now = performance.now();
    const depthRate = ((counters.received - this.#received) * 1000) / Math.max(1, now - this.#since);
    this.#received = counters.received;
    this.#since = now;
    const lags = this.#lags.splice(0).sort((a, b) => a - b);
    const captureToDepth = lags[lags.length >> 1];
    return {
      ...counters,
      depthRate,
      ...(roundTrip === undefined ? {} : { roundTrip }),
      ...(captureToDepth === undefined ? {} : { captureToDepth }),
    };
  }
}
