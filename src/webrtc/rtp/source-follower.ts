/** Packets of a stream that has just been replaced may still be on their way. */
const RETIRED_MS = 2000;
const MAX_RETIRED = 8;

/** Which of a sender's streams counts: the one that began last. */
export class SourceFollower {
  readonly #retired = new Map<number, number>();
  #ssrc: number | undefined;

  /** Of the current stream; undefined before the first packet. */
  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  /**
   * A packet of this SSRC came.
   * @returns 'new' where it began another stream, 'late' where it is of one that has been replaced
   */
  follow(ssrc: number, now: number): 'current' | 'first' | 'new' | 'late' {
    const current = this.#ssrc;
    if (ssrc === current) return 'current';
    if (current !== undefined) {
      const retiredAt = this.#retired.get(ssrc);
      if (retiredAt !== undefined && now - retiredAt < RETIRED_MS) return 'late';
      this.#retired.delete(ssrc);
      if (this.#retired.size >= MAX_RETIRED) this.#retired.delete(this.#retired.keys().next().value!);
      this.#retired.set(current, now);
    }
    this.#ssrc = ssrc;
    return current === undefined ? 'first' : 'new';
  }
}
