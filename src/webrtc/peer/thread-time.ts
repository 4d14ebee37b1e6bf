import { readFileSync } from 'node:fs';

/** Of the calling thread, ns: on a processor, and waiting for one (Linux, Documentation/scheduler/sched-stats.rst). */
export type ReadSchedule = () => readonly [ran: number, waited: number] | undefined;

/** Of this system; undefined where it does not tell. */
export const readSchedule: ReadSchedule = () => {
  try {
    const [ran, waited] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 2).map(Number);
    return ran !== undefined && waited !== undefined ? [ran, waited] : undefined;
  } catch {
    // Another system than Linux, or a kernel without it.
    return undefined;
  }
};

/**
 * What of the time in which this thread had work it was given a processor. Time that is measured by the clock holds the rest as well:
 * on a machine with too much to do an honest peer would be blamed for it.
 */
export class ThreadTime {
  readonly #read: ReadSchedule;
  #last: readonly [ran: number, waited: number] | undefined;

  constructor(read: ReadSchedule = readSchedule) {
    this.#read = read;
    this.#last = read();
  }

  /** @returns the share since the last call, above 0 to 1; 1 where it cannot be told */
  share(): number {
    const [before, now] = [this.#last, this.#read()];
    this.#last = now;
    if (!before || !now) return 1;
    const [ran, waited] = [now[0] - before[0], now[1] - before[1]];
    return ran > 0 && waited >= 0 ? ran / (ran + waited) : 1;
  }
}
