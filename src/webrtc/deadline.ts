/** setTimeout takes no more. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Runs something and counts the time that it takes. */
export type Meter = (run: () => void) => void;

export const unmetered: Meter = (run) => run();

/** A timer may fire as much early: it counts in whole milliseconds. */
const EARLY_MS = 1;

/**
 * The clock of a protocol that has none: calls it when its deadline has come, one timer at a time. A deadline that is put off with each
 * packet, as that of a retransmission, costs no timer each time: the one that runs looks again when it has come.
 */
export class Deadline {
  readonly #run: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #at = Number.POSITIVE_INFINITY;
  #due = Number.POSITIVE_INFINITY;

  constructor(run: () => void) {
    this.#run = run;
  }

  /** @param due performance.now() of the next call, infinite for none */
  set(due: number): void {
    this.#due = due;
    if (due < this.#at) this.#arm(due);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#due = this.#at = Number.POSITIVE_INFINITY;
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    const wait = Math.min(Math.max(0, at - performance.now()), MAX_TIMEOUT_MS);
    this.#at = at;
    this.#timer = setTimeout(this.#fire, wait);
  }

  readonly #fire = (): void => {
    const due = this.#due;
    this.#at = Number.POSITIVE_INFINITY;
    if (due - performance.now() > EARLY_MS) {
      if (due < Number.POSITIVE_INFINITY) this.#arm(due);
      return;
    }
    this.#due = Number.POSITIVE_INFINITY;
    this.#run();
  };
}
