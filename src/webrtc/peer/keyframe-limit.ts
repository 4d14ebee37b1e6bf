const INTERVAL_MS = 250;

/** Passes on a receiver's keyframe requests, those within a short time as one: none is dropped, it may be about a newer frame. */
export class KeyframeLimit {
  readonly #request: () => void;
  readonly #fail: (thrown: unknown) => void;
  #at = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param fail takes what `request` throws out of a timer */
  constructor(request: () => void, fail: (thrown: unknown) => void) {
    this.#request = request;
    this.#fail = fail;
  }

  /** @param now performance.now() */
  note(now: number): void {
    const wait = this.#at + INTERVAL_MS - now;
    if (wait <= 0) {
      this.#at = now;
      this.#request();
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#at = performance.now();
      try {
        this.#request();
      } catch (thrown) {
        this.#fail(thrown);
      }
    }, wait);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
