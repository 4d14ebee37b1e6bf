/**
 * Back-pressure, everywhere the same: while the consumer is busy with one item at most one more waits, and the newest wins;
 * `keeps` may let a few more wait. An item that loses its place goes to `dropped`, exactly once.
 */
export class Mailbox<T> {
  readonly #consume: (item: T) => Promise<void>;
  readonly #dropped: (item: T) => void;
  readonly #keeps: (waiting: readonly T[], next: T) => boolean;
  #waiting: T[] = [];
  #busy = false;
  #closed = false;

  /**
   * @param consume takes an item over; a rejection is the consumer's own bug and is thrown as unhandled
   * @param keeps whether all that waits, oldest first, may go on waiting before `next`; it bounds their number
   */
  constructor(
    consume: (item: T) => Promise<void>,
    dropped: (item: T) => void,
    keeps: (waiting: readonly T[], next: T) => boolean = () => false,
  ) {
    this.#consume = consume;
    this.#dropped = dropped;
    this.#keeps = keeps;
  }

  get busy(): boolean {
    return this.#busy;
  }

  put(item: T): void {
    if (this.#closed) {
      this.#dropped(item);
      return;
    }
    while (this.#waiting.length > 0 && !this.#keeps(this.#waiting, item)) this.#dropped(this.#waiting.shift()!);
    this.#waiting.push(item);
    if (!this.#busy) void this.#run();
  }

  /** Drops what waits; what is being consumed goes on. */
  close(): void {
    this.#closed = true;
    for (const loser of this.#waiting.splice(0)) this.#dropped(loser);
  }

  async #run(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#waiting.length > 0) await this.#consume(this.#waiting.shift()!);
    } finally {
      this.#busy = false;
    }
  }
}
