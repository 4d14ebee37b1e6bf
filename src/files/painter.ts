import type { YuvMatrix } from '../video/yuv.ts';
import { type ColourMapName, colourAt } from '../wire/colour-map.ts';

/** Luma weights of red and blue (ITU-R BT.601, BT.709). */
const WEIGHTS: Record<YuvMatrix, readonly [number, number]> = { bt601: [0.299, 0.114], bt709: [0.2126, 0.0722] };
const SHADES = 256;

/** Planes of a YUV 4:2:0 picture, and the lengths of their rows in bytes. */
export interface YuvPlanes {
  planes: readonly Uint8Array[];
  strides: readonly number[];
}

/** Paints depth maps as colour: straight to limited-range YUV 4:2:0 through a table, since RGB would only be turned into it. */
export class Painter {
  readonly #width: number;
  readonly #height: number;
  readonly #y = new Uint8Array(SHADES);
  readonly #u = new Uint8Array(SHADES);
  readonly #v = new Uint8Array(SHADES);
  /** The shades of two rows; one more pixel where the width is odd. */
  readonly #upper: Uint8Array;
  readonly #lower: Uint8Array;

  /** @param width and height of the maps; pictures are one larger where they are odd, the last pixel repeated */
  constructor(width: number, height: number, map: ColourMapName, matrix: YuvMatrix) {
    this.#width = width;
    this.#height = height;
    this.#upper = new Uint8Array(width + (width & 1));
    this.#lower = new Uint8Array(this.#upper.length);
    const [kr, kb] = WEIGHTS[matrix];
    for (let shade = 0; shade < SHADES; shade++) {
      const [r, g, b] = colourAt(map, shade / (SHADES - 1));
      const luma = kr * r + (1 - kr - kb) * g + kb * b;
      this.#y[shade] = Math.round(16 + 219 * luma);
      this.#u[shade] = Math.round(128 + (112 * (b - luma)) / (1 - kb));
      this.#v[shade] = Math.round(128 + (112 * (r - luma)) / (1 - kr));
    }
  }

  /** @param near the value shown brightest. @param far the value shown darkest */
  paint(values: Float32Array, near: number, far: number, { planes, strides }: YuvPlanes): void {
    const scale = (SHADES - 1) / (near - far);
    const [luma, cb, cr] = planes as [Uint8Array, Uint8Array, Uint8Array];
    const width = this.#upper.length;
    for (let y = 0; y < this.#height; y += 2) {
      this.#shades(values, y, far, scale, this.#upper);
      this.#shades(values, Math.min(y + 1, this.#height - 1), far, scale, this.#lower);
      const upper = this.#upper;
      const lower = this.#lower;
      for (let x = 0, top = y * strides[0]!, bottom = top + strides[0]!; x < width; x++) {
        luma[top + x] = this.#y[upper[x]!]!;
        luma[bottom + x] = this.#y[lower[x]!]!;
      }
      const at = (y >> 1) * strides[1]!;
      for (let x = 0; x < width; x += 2) {
        const [a, b, c, d] = [upper[x]!, upper[x + 1]!, lower[x]!, lower[x + 1]!];
        cb[at + (x >> 1)] = (this.#u[a]! + this.#u[b]! + this.#u[c]! + this.#u[d]! + 2) >> 2;
        cr[at + (x >> 1)] = (this.#v[a]! + this.#v[b]! + this.#v[c]! + this.#v[d]! + 2) >> 2;
      }
    }
  }

  #shades(values: Float32Array, row: number, far: number, scale: number, out: Uint8Array): void {
    const from = row * this.#width;
    for (let x = 0; x < this.#width; x++) {
      const shade = (values[from + x]! - far) * scale;
      out[x] = shade <= 0 ? 0 : shade >= SHADES - 1 ? SHADES - 1 : shade + 0.5;
    }
    if (this.#width & 1) out[this.#width] = out[this.#width - 1]!;
  }
}
