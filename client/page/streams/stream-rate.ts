/** ms over which frames are counted. */
const WINDOW_MS = 15_000;
/** Those that have to be known before a stream is called slow, or said to have no depth. */
export const KNOWN_MS = 6000;
/** A stream that waits for less (ms) may be one whose frames are far apart. */
const REST_MS = 10_000;

/** Frames a second of a stream, as the server's list counts them. Times are those of performance.now(). */
export class StreamRate {
  /** At the looks that found it live. */
  #counts: { at: number; frames: number }[] = [];

  /** One look at the list. @returns frames a second; undefined where too little is known */
  take(live: boolean, frames: number, now: number): number | undefined {
    const before = this.#counts.at(-1);
    // A source rests while nobody watches it, and makes no frame: counts from before such a rest say nothing of its pace. Fewer frames are
    // those of another stream of this name.
    if (before && (now - before.at > REST_MS || frames < before.frames)) this.#counts = [];
    if (live) this.#counts.push({ at: now, frames });
    while (this.#counts.length > 2 && now - this.#counts[0]!.at > WINDOW_MS) this.#counts.shift();
    const first = this.#counts[0];
    const last = this.#counts.at(-1);
    if (!first || !last || last.at - first.at < KNOWN_MS) return undefined;
    return (1000 * (last.frames - first.frames)) / (last.at - first.at);
  }
}
