const FIRST_MS = 500;
/** Share by which waits differ, so that what was lost together does not all come back at once. */
const JITTER = 0.2;
/** What was up for as long as this starts over with short waits. */
const SETTLED_MS = 10_000;

/** Waits before new attempts at something that is lost: each about twice as long as the last, up to the longest. */
export class RetryDelay {
  readonly #max: number;
  #wait = FIRST_MS;

  /** @param max ms, of the longest wait before its jitter */
  constructor(max: number) {
    this.#max = max;
  }

  /** @param upSince performance.now() since when it was up; undefined where the attempt failed. @returns ms to wait now */
  next(upSince: number | undefined): number {
    if (upSince !== undefined && performance.now() - upSince > SETTLED_MS) this.#wait = FIRST_MS;
    const wait = this.#wait * (1 + JITTER * (2 * Math.random() - 1));
    this.#wait = Math.min(this.#max, 2 * this.#wait);
    return wait;
  }
}
