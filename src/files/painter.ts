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
  readonly #shades: Uint8ClampedArray;

  /** @param width and height of the maps; pictures are one larger where they are odd, the last pixel repeated */
  constructor(width: number, height: number, map: ColourMapName, matrix: YuvMatrix) {
    this.#width = width;
    this.#height = height;
    this.#shades = new Uint8ClampedArray(width * height);
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
  paint(values: Float32Array, near: number, far: number, picture: YuvPlanes): void {
    toShades(values, near, far, this.#shades);
    this.paintShades(this.#shades, picture);
  }

  /** @param shades 0 far to 255 near */
  paintShades(shades: Uint8ClampedArray, { planes, strides }: YuvPlanes): void {
    const [luma, cb, cr] = planes as [Uint8Array, Uint8Array, Uint8Array];
    const width = this.#width;
    const last = width - 1;
    for (let y = 0; y < this.#height; y += 2) {
      const upper = y * width;
      const lower = Math.min(y + 1, this.#height - 1) * width;
      const top = y * strides[0]!;
      const bottom = top + strides[0]!;
      for (let x = 0; x < width; x++) {
        luma[top + x] = this.#y[shades[upper + x]!]!;
        luma[bottom + x] = this.#y[shades[lower + x]!]!;
      }
      if (width & 1) {
        luma[top + width] = luma[top + last]!;
        luma[bottom + width] = luma[bottom + last]!;
      }
      const at = (y >> 1) * strides[1]!;
      for (let x = 0; x < width; x += 2) {
        const right = x < last ? x + 1 : x;
        const [a, b] = [shades[upper + x]!, shades[upper + right]!];
        const [c, d] = [shades[lower + x]!, shades[lower + right]!];
        cb[at + (x >> 1)] = (this.#u[a]! + this.#u[b]! + this.#u[c]! + this.#u[d]! + 2) >> 2;
        cr[at + (x >> 1)] = (this.#v[a]! + this.#v[b]! + this.#v[c]! + this.#v[d]! + 2) >> 2;
      }
    }
  }
}

/** Values as shades, `far` 0 and `near` 255; as floats they may lie beyond. */
export function toShades(values: Float32Array, near: number, far: number, out: Float32Array | Uint8ClampedArray): void {
  const scale = (SHADES - 1) / (near - far);
  for (let i = 0; i < values.length; i++) out[i] = (values[i]! - far) * scale;
}
