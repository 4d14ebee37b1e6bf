/** Calls when something takes too long. */
export class Watchdog {
  timedOut = false;
  readonly #seconds: number;
  readonly #onTimeout: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param seconds Infinity: never */
  constructor(seconds: number, onTimeout: () => void) {
    this.#seconds = seconds;
    this.#onTimeout = onTimeout;
  }

  start(): void {
    if (!Number.isFinite(this.#seconds)) return;
    this.#timer = setTimeout(() => {
      this.timedOut = true;
      this.#onTimeout();
    }, this.#seconds * 1000);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.start();
    try {
      return await work();
    } finally {
      this.stop();
    }
  }
}
