import type { Size } from './size.ts';

interface Taps {
  /** Position of the lower neighbour of each target pixel. */
  low: Int32Array;
  /** Weight of its upper neighbour. */
  part: Float32Array;
}

/** Bilinear resizing of maps of one size, the corners of both on top of each other (PyTorch's align_corners=True). */
export class AlignedResizer {
  readonly #from: Size;
  readonly #columns: Taps;
  readonly #rows: Taps;
  /** One row of the source, blended from two; its last value twice, so that every pixel has an upper neighbour. */
  readonly #row: Float32Array;

  constructor(from: Size, to: Size) {
    this.#from = from;
    this.#columns = taps(from.width, to.width);
    this.#rows = taps(from.height, to.height);
    this.#row = new Float32Array(from.width + 1);
  }

  /** @param map [from.height * from.width]. @param out [to.height * to.width]; bytes are rounded and clamped */
  resize(map: Float32Array, out: Float32Array | Uint8ClampedArray): void {
    const { width, height } = this.#from;
    const { low, part } = this.#columns;
    const rows = this.#rows;
    const row = this.#row;
    const columns = low.length;
    for (let y = 0, at = 0; y < rows.low.length; y++) {
      const top = rows.low[y]! * width;
      const bottom = Math.min(rows.low[y]! + 1, height - 1) * width;
      const weight = rows.part[y]!;
      for (let x = 0; x < width; x++) row[x] = map[top + x]! * (1 - weight) + map[bottom + x]! * weight;
      row[width] = row[width - 1]!;
      for (let x = 0; x < columns; x++, at++) {
        const left = low[x]!;
        const share = part[x]!;
        out[at] = row[left]! * (1 - share) + row[left + 1]! * share;
      }
    }
  }
}

/** A stack of maps, each as AlignedResizer has it. */
export function resizeAligned(maps: Float32Array, from: Size, to: Size): Float32Array {
  const size = from.width * from.height;
  const resized = to.width * to.height;
  const count = maps.length / size;
  const out = new Float32Array(count * resized);
  const resizer = new AlignedResizer(from, to);
  for (let i = 0; i < count; i++)
    resizer.resize(maps.subarray(i * size, (i + 1) * size), out.subarray(i * resized, (i + 1) * resized));
  return out;
}

function taps(from: number, to: number): Taps {
  const low = new Int32Array(to);
  const part = new Float32Array(to);
  for (let i = 0; i < to; i++) {
    const at = to === 1 ? 0 : (i * (from - 1)) / (to - 1);
    low[i] = Math.min(from - 1, Math.floor(at));
    part[i] = at - low[i]!;
  }
  return { low, part };
}
