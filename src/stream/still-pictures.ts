import type { NetworkImage } from '../depth/types.ts';

/** Side of a block in pixels of the network's input: an eighth of what fills a hundredth of a picture of 256x192. */
const BLOCK = 8;
/** Standard deviation of a difference of two pictures, in shades of 1: of rounding alone, and of the worst sensor that counts. */
const MIN_NOISE = 0.35 / 255;
const MAX_NOISE = 5.7 / 255;
/** What codecs change in a still picture from frame to frame, here more and there less, in shades of 1: root of a block's mean square, and its mean. */
const CODEC_TEXTURE = 4 / 255;
const CODEC_SHADE = 1.75 / 255;
/** Blocks that must differ: whatever fills a hundredth of the picture and moves by a pixel touches twice as many. */
const FEWEST = 3;
/** Of the blocks, by which noise is estimated: those that change least. Something may move in all others. */
const QUIET_SHARE = 0.25;
/** How quickly the estimate follows, per picture: slowly up, so that motion is not learned as noise before it is seen. */
const RISE = 1.3;
const FALL = 0.1;
/**
 * Times the noise's variance that a block's mean square may be, and that its mean's square may be, times its pixels. Noise differs
 * over a picture, and is not white behind a codec.
 */
const TEXTURE_LIMIT = 4;
const SHADE_LIMIT = 24;
/** Green first: most of what changes shows there. */
const CHANNELS = [1, 0, 2];
/** Seconds of media time after which the network runs whatever the picture shows. */
const MAX_AGE = 1;

/**
 * Whether a picture differs from the one that depth was last made of by no more than noise: block by block, at the network's
 * size, by their mean and by their texture. The noise's level is estimated from the pictures themselves. What it lets pass
 * is never older than a second, and compared with the picture that the depth is of, so that slow changes add up until they count.
 */
export class StillPictures {
  #reference = new Float32Array();
  #width = 0;
  #height = 0;
  /** Media time of the reference; NaN where there is none. */
  #time = Number.NaN;
  /** Variance of a difference of two values, estimated. */
  #noise = MIN_NOISE ** 2;
  /** Of each block: sums over its values of a channel, mean squares over all, squared means over the channels, values of a channel. */
  #sums = new Float64Array();
  #squares = new Float64Array();
  #means = new Float64Array();
  #sorted = new Float64Array();
  #pixels = new Uint32Array();

  /** Standard deviation of the noise of one picture, in shades of 1, as far as it is known. */
  get noise(): number {
    return Math.sqrt(this.#noise / 2);
  }

  /** The next picture is no repetition. */
  forget(): void {
    this.#time = Number.NaN;
  }

  /**
   * Whether depth of the last kept picture may stand for this one's.
   * @param image as it goes to the network, not normalised
   * @param time media time in seconds
   */
  isSame(image: NetworkImage, time: number): boolean {
    if (image.width !== this.#width || image.height !== this.#height || Number.isNaN(this.#time)) return false;
    // Of what moves nothing is learned of noise.
    if (!this.#compare(image.data)) return false;
    this.#learn();
    const age = time - this.#time;
    return age >= 0 && age < MAX_AGE && !this.#differs();
  }

  /** Depth is made of this picture: later ones are compared with it. */
  keep({ data, width, height }: NetworkImage, time: number): void {
    if (width !== this.#width || height !== this.#height) this.#resize(width, height);
    this.#reference.set(data);
    this.#time = time;
  }

  #resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#reference = new Float32Array(3 * width * height);
    const columns = Math.ceil(width / BLOCK);
    const rows = Math.ceil(height / BLOCK);
    const count = columns * rows;
    this.#sums = new Float64Array(count);
    this.#squares = new Float64Array(count);
    this.#means = new Float64Array(count);
    this.#sorted = new Float64Array(count);
    this.#pixels = Uint32Array.from({ length: count }, (_, b) => {
      const [x, y] = [(b % columns) * BLOCK, Math.floor(b / columns) * BLOCK];
      return Math.min(BLOCK, width - x) * Math.min(BLOCK, height - y);
    });
  }

  /** @returns false, and then no more, where one channel alone differs by more than any noise may */
  #compare(data: Float32Array): boolean {
    const width = this.#width;
    const plane = width * this.#height;
    const columns = Math.ceil(width / BLOCK);
    const reference = this.#reference;
    const sums = this.#sums;
    const squares = this.#squares.fill(0);
    const means = this.#means.fill(0);
    const pixels = this.#pixels;
    for (const c of CHANNELS) {
      sums.fill(0);
      let i = c * plane;
      for (let y = 0; y < this.#height; y++) {
        let b = Math.floor(y / BLOCK) * columns;
        for (let x = 0; x < width; b++) {
          const end = Math.min(x + BLOCK, width);
          let sum = 0;
          let square = 0;
          for (; x < end; x++, i++) {
            const d = data[i]! - reference[i]!;
            sum += d;
            square += d * d;
          }
          sums[b]! += sum;
          squares[b]! += square;
        }
      }
      let moved = 0;
      for (let b = 0; b < sums.length; b++) {
        means[b]! += (sums[b]! / pixels[b]!) ** 2 / 3;
        if (squares[b]! > 3 * pixels[b]! * TEXTURE_LIMIT * MAX_NOISE ** 2) moved++;
      }
      if (moved >= FEWEST) return false;
    }
    for (let b = 0; b < squares.length; b++) squares[b]! /= 3 * pixels[b]!;
    return true;
  }

  #learn(): void {
    const sorted = this.#sorted;
    sorted.set(this.#squares);
    sorted.sort();
    const quiet = sorted[Math.floor(QUIET_SHARE * sorted.length)]!;
    const next = quiet > this.#noise ? Math.min(quiet, RISE * this.#noise) : this.#noise + FALL * (quiet - this.#noise);
    this.#noise = Math.min(MAX_NOISE ** 2, Math.max(MIN_NOISE ** 2, next));
  }

  #differs(): boolean {
    const texture = Math.max(CODEC_TEXTURE ** 2, TEXTURE_LIMIT * this.#noise);
    const shade = SHADE_LIMIT * this.#noise;
    let count = 0;
    for (let b = 0; b < this.#squares.length; b++)
      if (this.#squares[b]! > texture || this.#means[b]! > Math.max(CODEC_SHADE ** 2, shade / this.#pixels[b]!))
        count++;
    return count >= FEWEST;
  }
}
