/** 2^32 ticks of 90 kHz, in milliseconds. */
const WRAP_MS = 2 ** 32 / 90;
/** RTP timestamps of libwebrtc are whole milliseconds, and so is the offset that one of them gives. */
const TOLERANCE_MS = 1.6;
const CORRECTION = 0.1;
/** Frames that are remembered: some ten seconds. */
const MEMORY = 512;
/** Timestamps that must have been seen before one offset is believed, and that are tried at most. */
const ENOUGH = 16;
const PATIENCE = 60;
/** Share of the timestamps that the right offset explains, and that no other may. */
const RIGHT = 0.9;
const WRONG = 0.75;

/** A frame and when it was captured: between two readings of the clock, for a busy machine may pause in between. */
interface Capture {
  frame: number;
  at: number;
  until: number;
}

interface Candidate {
  offset: number;
  /** How many timestamps it explained, out of `tried`. */
  hits: number;
  tried: number;
}

/**
 * Finds out which captured frame an RTP timestamp names. A sender's timestamp is its capture time in 90 kHz plus a random
 * offset (RFC 3550 section 5.1). The offset is found from the rhythm: frames are captured at deliberately uneven moments,
 * so only the right offset puts every timestamp onto a capture. Exact from then on, since both are read from one clock.
 */
export class CaptureClock {
  readonly #frames: Capture[] = [];
  #candidates: Candidate[] | undefined;
  #offset: number | undefined;
  #seen = 0;

  /** Whether timestamps can be identified by now. */
  get settled(): boolean {
    return this.#offset !== undefined;
  }

  /** @param at, until ms of a monotonic clock just before and after the frame was handed to the encoder */
  captured(frame: number, at: number, until = at): void {
    this.#frames.push({ frame, at, until });
    if (this.#frames.length > MEMORY) this.#frames.shift();
  }

  /** Takes note of a timestamp that some frame has. Each needs to be told once; repetitions count for more than they are. */
  learn(timestamp: number): void {
    if (this.#offset !== undefined) return;
    const media = timestamp / 90;
    this.#candidates ??= this.#frames.map(({ at }) => ({ offset: media - at, hits: 0, tried: 0 }));
    this.#seen++;
    for (const candidate of this.#candidates) {
      candidate.tried++;
      if (this.#nearest(media - candidate.offset)) candidate.hits++;
    }
    if (this.#seen < ENOUGH) return;
    const [best, next] = this.#candidates.toSorted((a, b) => b.hits - a.hits);
    if (best && best.hits >= RIGHT * best.tried && (!next || next.hits < WRONG * next.tried)) {
      this.#offset = best.offset;
      this.#candidates = undefined;
    } else if (this.#seen >= PATIENCE) this.forget();
  }

  /** The frame of a timestamp; undefined while the offset is not known, and for one that no frame has. */
  frameOf(timestamp: number): Capture | undefined {
    if (this.#offset === undefined) return undefined;
    const found = this.#nearest(timestamp / 90 - this.#offset);
    // One timestamp, cut to milliseconds, gave the offset: those that just miss their capture correct it.
    if (found) this.#offset += CORRECTION * missed(found, timestamp / 90 - this.#offset);
    return found;
  }

  /** The sender began anew: its offset is another one. */
  forget(): void {
    this.#candidates = undefined;
    this.#offset = undefined;
    this.#seen = 0;
  }

  #nearest(at: number): Capture | undefined {
    let best: Capture | undefined;
    let distance = TOLERANCE_MS;
    for (let i = this.#frames.length - 1; i >= 0; i--) {
      const capture = this.#frames[i]!;
      const off = Math.abs(missed(capture, at));
      if (off > distance) continue;
      distance = off;
      best = capture;
      if (off === 0) break;
    }
    return best;
  }
}

/** How far a moment lies after a capture, or before it (negative); 0 within. */
function missed({ at, until }: Capture, moment: number): number {
  const late = signed(moment - at);
  return late < 0 ? late : Math.max(0, late - (until - at));
}

/** Timestamps wrap after 13 hours: the difference nearest to zero. */
function signed(difference: number): number {
  return difference - WRAP_MS * Math.round(difference / WRAP_MS);
}
