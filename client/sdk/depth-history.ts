import type { ReceivedFrame } from './frames.ts';

/** Signed distance of two 32-bit RTP timestamps in 90 kHz ticks (serial number arithmetic, RFC 1982). */
export const rtpDistance = (a: number, b: number): number => (a - b) | 0;

/**
 * The last depth frames, to be found by the picture they belong to.
 *
 * A depth frame carries the RTP timestamp of its source frame, and the gray track keeps it, so `byRtpTimestamp` is exact
 * for frames of that track. A local camera preview has no RTP timestamps; there `byCaptureTime` takes
 * `performance.timeOrigin + metadata.captureTime` of requestVideoFrameCallback (not given for canvas and file streams).
 */
export class DepthHistory {
  readonly #frames: ReceivedFrame[] = [];
  readonly #capacity: number;

  constructor(capacity = 60) {
    this.#capacity = capacity;
  }

  push(frame: ReceivedFrame): void {
    this.#frames.push(frame);
    if (this.#frames.length > this.#capacity) this.#frames.shift();
  }

  clear(): void {
    this.#frames.length = 0;
  }

  get latest(): ReceivedFrame | undefined {
    return this.#frames.at(-1);
  }

  /** The frame nearest to an RTP timestamp, at most `tolerance` ticks of 1/90000 s away; exact by default. */
  byRtpTimestamp(timestamp: number, tolerance = 0): ReceivedFrame | undefined {
    return this.#nearest((frame) => Math.abs(rtpDistance(frame.rtpTimestamp, timestamp)), tolerance);
  }

  /** The frame captured nearest to a time in milliseconds since the Unix epoch, at most `tolerance` ms away. */
  byCaptureTime(time: number, tolerance = 25): ReceivedFrame | undefined {
    return this.#nearest((frame) => Math.abs((frame.captureTime ?? Number.NaN) - time), tolerance);
  }

  #nearest(distance: (frame: ReceivedFrame) => number, tolerance: number): ReceivedFrame | undefined {
    let best: ReceivedFrame | undefined;
    let least = tolerance;
    for (const frame of this.#frames) {
      const d = distance(frame);
      // `<=`: of two equally near ones the newer; NaN never is.
      if (d <= least) {
        best = frame;
        least = d;
      }
    }
    return best;
  }

  /**
   * Calls `listener` for every picture of the gray track that `video` shows, with the depth frame of the same source
   * frame where it has arrived. Returns the function that stops it.
   */
  follow(
    video: HTMLVideoElement,
    listener: (frame: ReceivedFrame | undefined, shown: VideoFrameCallbackMetadata) => void,
  ) {
    let handle = 0;
    const next = (_now: number, shown: VideoFrameCallbackMetadata) => {
      handle = video.requestVideoFrameCallback(next);
      listener(shown.rtpTimestamp === undefined ? undefined : this.byRtpTimestamp(shown.rtpTimestamp), shown);
    };
    handle = video.requestVideoFrameCallback(next);
    return () => video.cancelVideoFrameCallback(handle);
  }
}
