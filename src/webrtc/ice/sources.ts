/** Verified source addresses; a peer behind a strange NAT uses two or three. A new one then takes the oldest's place. */
const MAX_SOURCES = 32;
/** A peer that changes its address more often than this, once it has used so many, is not followed. */
const SOURCE_INTERVAL_MS = 1000;

/** Addresses that authentic STUN came from: media and DTLS are taken from nowhere else. */
export class Sources {
  readonly #sources = new Set<string>();
  #lastEviction = Number.NEGATIVE_INFINITY;

  has(source: string): boolean {
    return this.#sources.has(source);
  }

  /**
   * Takes in where an authentic request came from.
   * @param forget called with the one that is dropped for it
   * @returns false where too many have lately
   */
  admit(source: string, now: number, forget: (old: string) => void): boolean {
    if (this.#sources.has(source)) return true;
    if (this.#sources.size >= MAX_SOURCES) {
      if (now - this.#lastEviction < SOURCE_INTERVAL_MS) return false;
      this.#lastEviction = now;
      const old = this.#sources.values().next().value!;
      this.#sources.delete(old);
      forget(old);
    }
    this.#sources.add(source);
    return true;
  }
}
