/** A newcomer's share of a worker's time as long as it does not show in what is measured, and for how long (ms) that is. */
const SHARE = 0.15;
const UNSEEN_MS = 3000;

/** Publishers and sources that came to a worker lately. */
export class Newcomers {
  /** Those that have not been answered yet. */
  #opening = 0;
  /** performance.now() of those who came lately. */
  #times: number[] = [];

  /** Counts one from now on, unless it is refused. At once: of those that come together not all may choose the same worker. */
  async enter<T>(open: () => Promise<T>): Promise<T> {
    const at = performance.now();
    this.#times.push(at);
    this.#opening++;
    try {
      return await open();
    } catch (thrown) {
      this.#times = this.#times.filter((other) => other !== at);
      throw thrown;
    } finally {
      this.#opening--;
    }
  }

  /** What of the worker's time they will ask for, beyond what is measured. @param hosted who is there: others have left again */
  share(hosted: number): number {
    return SHARE * Math.min(this.#lately, hosted + this.#opening);
  }

  get none(): boolean {
    return this.#opening === 0 && this.#lately === 0;
  }

  get #lately(): number {
    const since = performance.now() - UNSEEN_MS;
    this.#times = this.#times.filter((at) => at > since);
    return this.#times.length;
  }
}
