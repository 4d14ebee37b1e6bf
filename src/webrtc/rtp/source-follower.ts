/** A stream that has been silent for this long, and for a few of its usual pauses, has ended. */
const MIN_SILENCE_MS = 300;
const MAX_SILENCE_MS = 3000;
const USUAL_PAUSES = 3;
const PAUSE_DECAY = 0.99;
/** Packets of a stream that has been replaced may still be on their way. */
const RETIRED_MS = 2000;
/** Another stream is worth a change when it was larger by this factor for this long. */
const LARGER = 1.5;
const LEAD_MS = 1000;
/** Over which bytes are counted. */
const MEMORY_MS = 1000;
const MAX_SOURCES = 16;

interface Source {
  /** Decaying sum. */
  bytes: number;
  lastAt: number;
  retiredAt: number;
}

/**
 * Which of a sender's streams counts: one, for as long as it goes on. Another follows when that fell silent or said
 * BYE, as when a sender changes its SSRC. Several that go on side by side are the layers of a simulcast that was not
 * agreed on: the largest is kept, and changed to with one of its keyframes.
 */
export class SourceFollower {
  readonly #sources = new Map<number, Source>();
  #ssrc: number | undefined;
  /** ms that the current one is silent now and then. */
  #pause = 0;
  /** Whether a frame came of the current one. */
  #proven = false;
  #lead: { ssrc: number; since: number } | undefined;

  /** Of the current stream; undefined before the first packet. */
  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  /**
   * A packet of this SSRC came. Times are in ms.
   * @param keyframe whether a keyframe begins with it
   * @returns 'new' where another stream begins with it, 'other' where it is of one that does not count, 'wanted' where
   *   that would count with its next keyframe
   */
  follow(
    ssrc: number,
    bytes: number,
    keyframe: boolean,
    now: number,
  ): 'current' | 'first' | 'new' | 'other' | 'wanted' {
    const current = this.#ssrc === undefined ? undefined : this.#sources.get(this.#ssrc);
    const source = this.#note(ssrc, bytes, now);
    if (!current) {
      this.#ssrc = ssrc;
      return 'first';
    }
    if (source === current) return 'current';
    if (now - source.retiredAt < RETIRED_MS) return 'other';
    // The largest of those that go on takes the place of one that fell silent.
    const silent = now - current.lastAt >= this.#silence && this.#largest(current, now) === source;
    const better = !this.#proven && keyframe;
    if (!silent && !better) {
      if (!this.#leads(ssrc, source, current, now)) return 'other';
      if (!keyframe) return 'wanted';
    }
    current.retiredAt = now;
    this.#ssrc = ssrc;
    this.#pause = 0;
    this.#proven = false;
    this.#lead = undefined;
    return 'new';
  }

  /** A whole frame of the current stream came: until then, any keyframe of another is better. */
  prove(): void {
    this.#proven = true;
  }

  /** The sender says that these streams are over: another may follow at once. */
  end(ssrcs: readonly number[]): void {
    for (const ssrc of ssrcs) {
      const source = this.#sources.get(ssrc);
      if (source) source.lastAt = Number.NEGATIVE_INFINITY;
    }
  }

  get #silence(): number {
    return Math.min(MAX_SILENCE_MS, Math.max(MIN_SILENCE_MS, USUAL_PAUSES * this.#pause));
  }

  #note(ssrc: number, bytes: number, now: number): Source {
    const source = this.#sources.get(ssrc) ?? { bytes: 0, lastAt: now, retiredAt: Number.NEGATIVE_INFINITY };
    if (ssrc === this.#ssrc && Number.isFinite(source.lastAt))
      this.#pause = Math.max(now - source.lastAt, PAUSE_DECAY * this.#pause);
    source.bytes = recent(source, now) + bytes;
    source.lastAt = now;
    // The map's order is that of their last packets: the one that was silent the longest is dropped.
    this.#sources.delete(ssrc);
    if (this.#sources.size >= MAX_SOURCES) {
      const oldest = [...this.#sources.keys()].find((key) => key !== this.#ssrc);
      if (oldest !== undefined) this.#sources.delete(oldest);
    }
    this.#sources.set(ssrc, source);
    return source;
  }

  #largest(current: Source, now: number): Source | undefined {
    let largest: Source | undefined;
    for (const source of this.#sources.values()) {
      if (source === current || now - source.retiredAt < RETIRED_MS || now - source.lastAt >= MIN_SILENCE_MS) continue;
      if (!largest || recent(source, now) > recent(largest, now)) largest = source;
    }
    return largest;
  }

  #leads(ssrc: number, source: Source, current: Source, now: number): boolean {
    const larger = recent(source, now) > LARGER * recent(current, now);
    if (!larger || this.#largest(current, now) !== source) {
      if (this.#lead?.ssrc === ssrc) this.#lead = undefined;
      return false;
    }
    if (this.#lead?.ssrc !== ssrc) this.#lead = { ssrc, since: now };
    return now - this.#lead.since >= LEAD_MS;
  }
}

const recent = ({ bytes, lastAt }: Source, now: number): number => bytes * Math.exp((lastAt - now) / MEMORY_MS);
