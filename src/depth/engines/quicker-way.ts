/** Frames that the quicker way runs between two trials of the other, and before the first. */
const BETWEEN_TRIALS = 150;
const BEFORE_FIRST = 15;
/** Frames of a trial. The first comes to caches that hold the other way's weights, and does not count. */
const TRIAL = 3;
/** What each frame of the way in use weighs in its mean. */
const WEIGHT = 0.1;
/** What a frame counts for at most, of the mean: one that had to wait for the processor says little of the next. */
const MOST = 2;
/** Share of the plain way's time below which the costly one is taken up, and above which it is given up. */
const WORTH = 0.85;
const NO_LONGER = 0.95;

export type Way = 'plain' | 'costly';

/**
 * Which of two ways to run a frame is quicker, by how long they take on the machine as it is now: what costs more of the processor, such as
 * threads that wait awake, is quicker only while nobody else wants it. The way that is not in use is tried once in 150 frames.
 */
export class QuickerWay {
  #inUse: Way = 'costly';
  readonly #means: Record<Way, number | undefined> = { plain: undefined, costly: undefined };
  #untilTrial = BEFORE_FIRST;
  /** Frames of the trial under way that are still to come. */
  #trial = 0;
  #trialSum = 0;

  /** Of the next frame, which then `took` some time. */
  get next(): Way {
    return this.#trial > 0 ? other(this.#inUse) : this.#inUse;
  }

  took(milliseconds: number): void {
    if (this.#trial > 0) this.#tried(milliseconds);
    else this.#used(milliseconds);
  }

  /** How many times as long the plain way takes: at least 1, which it is while either way's time is unknown. */
  get gain(): number {
    const { plain, costly } = this.#means;
    return plain === undefined || costly === undefined ? 1 : Math.max(1, plain / costly);
  }

  #used(milliseconds: number): void {
    const mean = this.#means[this.#inUse] ?? milliseconds;
    this.#means[this.#inUse] = mean + WEIGHT * (Math.min(milliseconds, MOST * mean) - mean);
    this.#choose();
    if (--this.#untilTrial > 0) return;
    this.#trial = TRIAL;
    this.#trialSum = 0;
  }

  #tried(milliseconds: number): void {
    if (this.#trial-- < TRIAL) this.#trialSum += milliseconds;
    if (this.#trial > 0) return;
    this.#means[other(this.#inUse)] = this.#trialSum / (TRIAL - 1);
    this.#untilTrial = BETWEEN_TRIALS;
    this.#choose();
  }

  #choose(): void {
    const { plain, costly } = this.#means;
    if (plain === undefined || costly === undefined) return;
    if (costly < WORTH * plain) this.#inUse = 'costly';
    else if (costly > NO_LONGER * plain) this.#inUse = 'plain';
  }
}

const other = (way: Way): Way => (way === 'plain' ? 'costly' : 'plain');
