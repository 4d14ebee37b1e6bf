/** setTimeout takes no more. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Runs something and counts the time that it takes. */
export type Meter = (run: () => void) => void;

export const unmetered: Meter = (run) => run();

/** The clock of a protocol that has none: calls it when its deadline has come, one timer at a time. */
export class Deadline {
  readonly #run: () => void;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;

  constructor(run: () => void) {
    this.#run = run;
  }

  /** @param due performance.now() of the next call, infinite for none */
  set(due: number): void {
    if (due === this.#due) return;
    this.clear();
    this.#due = due;
    if (due === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(0, due - performance.now()), MAX_TIMEOUT_MS);
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      this.#run();
    }, wait);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#due = Number.POSITIVE_INFINITY;
  }
}
