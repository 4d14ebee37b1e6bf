import { type ColourMapName, colourAt } from '../protocol/colour-map.ts';
import type { YuvMatrix } from './yuv.ts';

/** Luma weights of red and blue (ITU-R BT.601, BT.709). */
const WEIGHTS: Record<YuvMatrix, readonly [number, number]> = { bt601: [0.299, 0.114], bt709: [0.2126, 0.0722] };
const SHADES = 256;
/** Rounds the mean of four sums of U and V. */
const HALVES = 0x00020002;

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
  /** U in the lower half of a number, V in the upper: four of them add up without touching each other. */
  readonly #uv = new Uint32Array(SHADES);
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
      const u = Math.round(128 + (112 * (b - luma)) / (1 - kb));
      const v = Math.round(128 + (112 * (r - luma)) / (1 - kr));
      this.#uv[shade] = u | (v << 16);
    }
  }

  /** @param near the value shown brightest. @param far the value shown darkest */
  paint(values: Float32Array, near: number, far: number, picture: YuvPlanes): void {
    toShades(values, near, far, this.#shades);
    this.paintShades(this.#shades, picture);
  }

  /** @param shades 0 far to 255 near; of the maps' size, where nothing else is said */
  paintShades(
    shades: Uint8ClampedArray | Uint8Array,
    { planes, strides }: YuvPlanes,
    { offset = 0, stride = this.#width }: { offset?: number; stride?: number } = {},
  ): void {
    const [luma, cb, cr] = planes as [Uint8Array, Uint8Array, Uint8Array];
    const [row = 0, chromaRow = 0] = strides;
    const [width, height] = [this.#width, this.#height];
    // Private fields are slow in a loop over pixels.
    const [lumaOf, chromaOf] = [this.#y, this.#uv];
    for (let y = 0; y < height; y += 2) {
      const upper = offset + y * stride;
      const lower = y + 1 < height ? upper + stride : upper;
      const top = y * row;
      const bottom = top + row;
      const chroma = (y >> 1) * chromaRow;
      for (let x = 0; x < width; x += 2) {
        const right = x + 1 < width ? x + 1 : x;
        const a = shades[upper + x]!;
        const b = shades[upper + right]!;
        const c = shades[lower + x]!;
        const d = shades[lower + right]!;
        luma[top + x] = lumaOf[a]!;
        luma[top + x + 1] = lumaOf[b]!;
        luma[bottom + x] = lumaOf[c]!;
        luma[bottom + x + 1] = lumaOf[d]!;
        const sum = chromaOf[a]! + chromaOf[b]! + chromaOf[c]! + chromaOf[d]! + HALVES;
        cb[chroma + (x >> 1)] = (sum >> 2) & 255;
        cr[chroma + (x >> 1)] = sum >> 18;
      }
    }
  }
}

/** Values as shades, `far` 0 and `near` 255; as floats they may lie beyond. */
export function toShades(values: Float32Array, near: number, far: number, out: Float32Array | Uint8ClampedArray): void {
  const scale = (SHADES - 1) / (near - far);
  for (let i = 0; i < values.length; i++) out[i] = (values[i]! - far) * scale;
}
