import type { CropRect } from './types.ts';

const WHOLE: CropRect = { left: 0, top: 0, right: 1, bottom: 1 };

interface Taps {
  low: Int32Array;
  high: Int32Array;
  part: Float32Array;
}

/**
 * Bilinear resizing of maps between two sizes, pixel centres at (i + 0.5) / length, ends repeated: cv2.resize with
 * INTER_LINEAR, by which the Video Depth Anything benchmark brings predictions to the size of the truth.
 */
export class Resampler {
  readonly #columns: Taps;
  readonly #rows: Taps;
  readonly #row: Float32Array;
  readonly #width: number;
  readonly #length: number;

  /** @param window the part of `from` that becomes `to`; all of it by default */
  constructor(
    from: { width: number; height: number },
    to: { width: number; height: number },
    { left, top, right, bottom }: CropRect = WHOLE,
  ) {
    this.#columns = taps(from.width, to.width, left, right);
    this.#rows = taps(from.height, to.height, top, bottom);
    this.#row = new Float32Array(from.width);
    this.#width = from.width;
    this.#length = to.width * to.height;
  }

  /** @param map [from.height * from.width]. @param out [to.height * to.width] */
  resize(map: Float32Array, out: Float32Array = new Float32Array(this.#length)): Float32Array {
    const row = this.#row;
    const { low, high, part } = this.#columns;
    for (let y = 0, at = 0; y < this.#rows.low.length; y++) {
      const top = this.#rows.low[y]! * this.#width;
      const bottom = this.#rows.high[y]! * this.#width;
      const weight = this.#rows.part[y]!;
      for (let x = 0; x < this.#width; x++) row[x] = map[top + x]! + (map[bottom + x]! - map[top + x]!) * weight;
      for (let x = 0; x < low.length; x++, at++) {
        const left = row[low[x]!]!;
        out[at] = left + (row[high[x]!]! - left) * part[x]!;
      }
    }
    return out;
  }
}

function taps(from: number, to: number, start: number, end: number): Taps {
  const [low, high, part] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const at = Math.min(Math.max((start + ((i + 0.5) / to) * (end - start)) * from - 0.5, 0), from - 1);
    low[i] = Math.floor(at);
    high[i] = Math.min(low[i]! + 1, from - 1);
    part[i] = at - low[i]!;
  }
  return { low, high, part };
}
