/** Runs work in order, one piece at a time, with a bounded number of pieces waiting. */
export class SerialQueue {
  readonly #bound: number;
  readonly #waiting: Promise<void>[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Resolves when the next may be added. @throws what an earlier piece failed with; nothing runs after a failure */
  async add(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work);
    this.#last.catch(() => {});
    this.#waiting.push(this.#last);
    if (this.#waiting.length > this.#bound) await this.#waiting.shift();
  }

  /** @throws what a piece failed with */
  async idle(): Promise<void> {
    await this.#last;
  }
}
