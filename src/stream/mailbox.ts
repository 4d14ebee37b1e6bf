/**
 * Back-pressure, everywhere the same: while the consumer is busy with one item at most one more waits, and the
 * newest wins. The item that loses its place goes to `dropped`, exactly once; nothing is ever queued.
 */
export class Mailbox<T> {
  readonly #consume: (item: T) => Promise<void>;
  readonly #dropped: (item: T) => void;
  #waiting: { item: T } | undefined;
  #busy = false;
  #closed = false;

  /** @param consume takes an item over; a rejection is the consumer's own bug and is thrown as unhandled */
  constructor(consume: (item: T) => Promise<void>, dropped: (item: T) => void) {
    this.#consume = consume;
    this.#dropped = dropped;
  }

  get busy(): boolean {
    return this.#busy;
  }

  put(item: T): void {
    if (this.#closed) {
      this.#dropped(item);
      return;
    }
    const loser = this.#waiting;
    this.#waiting = { item };
    if (loser) this.#dropped(loser.item);
    if (!this.#busy) void this.#run();
  }

  /** Drops what waits; what is being consumed goes on. */
  close(): void {
    this.#closed = true;
    const loser = this.#waiting;
    this.#waiting = undefined;
    if (loser) this.#dropped(loser.item);
  }

  async #run(): Promise<void> {
    this.#busy = true;
    try {
      for (let next = this.#waiting; next; next = this.#waiting) {
        this.#waiting = undefined;
        await this.#consume(next.item);
      }
    } finally {
      this.#busy = false;
    }
  }
}
