import * as av from 'node-av';
import { type Fraction, ratio } from './media-info.ts';

/** Between two pictures, in seconds, unless the frame rate is higher. */
const MIN_STEP = 0.001;

/** When pictures are shown: by their stamps where these rise, otherwise one after the other at the frame rate. */
export class PictureClock {
  /** By the stream's clock, in seconds; undefined before the first picture, 0 where that had no stamp. */
  first: number | undefined;
  readonly #tick: number;
  readonly #step: number;
  #time = 0;

  /** @param timeBase of stamps, in seconds */
  constructor(timeBase: Fraction, fps: Fraction) {
    this.#tick = ratio(timeBase);
    this.#step = 1 / Math.max(1e-3, ratio(fps));
  }

  /** @returns seconds from the first picture to the next one, which has this stamp */
  next(stamp: bigint): number {
    if (stamp !== av.AV_NOPTS_VALUE) {
      const seconds = Number(stamp) * this.#tick;
      const isFirst = this.first === undefined;
      this.first ??= seconds;
      const time = seconds - this.first;
      // Stamps that do not rise are a broken muxer's, or overlap at a join; pictures still come one after the other.
      const rises = time - this.#time > Math.min(MIN_STEP, this.#step / 2);
      this.#time = isFirst || rises ? time : this.#time + this.#step;
    } else if (this.first === undefined) this.first = 0;
    else this.#time += this.#step;
    return this.#time;
  }
}
