import { readFileSync } from 'node:fs';
import { DepthcastError } from '../errors.ts';
import type { Upsampling } from '../protocol/output.ts';

/** What of WebAssembly is used; TypeScript's own types for it come only with those of browsers. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: object };
};

/** See native/upsampler/src/lib.rs. */
interface Exports {
  memory: { readonly buffer: ArrayBuffer };
  plan(width: number, height: number, toWidth: number, toHeight: number): number;
  at(buffer: number): number;
  filter(
    best: number,
    metres: number,
    far: number,
    even: number,
    luma: number,
    scale: number,
    shift: number,
  ): undefined;
}

interface Size {
  width: number;
  height: number;
}

/** Shares of the display range that depth may differ by within a window and still counts as even. */
const EVEN = { fast: 0.02, best: 0.005 };
/** Where an invalid range is given. */
const MIN_EVEN = 1e-9;
/** Pictures are no larger, in pixels a side. */
const MAX_SIDE = 4096;

/** What maps hold, and their display range in the same unit. */
export interface MapMeaning {
  unit: 'disparity' | 'metres';
  near: number;
  far: number;
}

/** Luma of `far` and `near`, with which a map is written as bytes. */
export interface LumaRange {
  far: number;
  near: number;
}

let compiled: object | undefined;

/** The module, compiled once a thread. */
function module(): object {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('upsampler.wasm', import.meta.url)));
  return compiled;
}

/**
 * Enlarges depth maps of one size along the edges of their pictures: `fast`, a colour guided filter found at the map's size
 * and applied at the picture's; `best`, behind steps made steep at the map's size. See native/upsampler/src/lib.rs. Nothing is allocated
 * after the first call, and where depth is even within a window the result is bilinear interpolation. Values stay between the
 * least and the greatest of their surroundings. Pixels have their centres at halves in both sizes.
 */
export class GuidedUpsampler {
  /** To be filled by the caller before each call: [from.height * from.width]. */
  readonly map: Float32Array;
  /** And the picture: Y, U and V of 4:2:0, 8 bits, without padding; U and V of half the size, rounded up. */
  readonly guide: readonly [Uint8Array, Uint8Array, Uint8Array];
  readonly #exports: Exports;
  readonly #bytes: Uint8ClampedArray;
  readonly #floats: Float32Array;

  /**
   * @param from size of the maps. @param to size of the pictures; see `fits`
   * @throws DepthcastError INTERNAL when the sizes do not fit; BUSY when there is no memory
   */
  constructor(from: Size, to: Size) {
    if (!GuidedUpsampler.fits(from, to))
      throw new DepthcastError('INTERNAL', { detail: `${from.width}x${from.height} to ${to.width}x${to.height}` });
    this.#exports = new WebAssembly.Instance(module(), {}).exports as Exports;
    if (this.#exports.plan(from.width, from.height, to.width, to.height) === 0)
      throw new DepthcastError('BUSY', { detail: `no memory to enlarge depth to ${to.width}x${to.height}` });
    const { buffer } = this.#exports.memory;
    const pixels = to.width * to.height;
    const half = ((to.width + 1) >> 1) * ((to.height + 1) >> 1);
    const at = (n: number) => this.#exports.at(n);
    this.map = new Float32Array(buffer, at(0), from.width * from.height);
    this.guide = [
      new Uint8Array(buffer, at(1), pixels),
      new Uint8Array(buffer, at(2), half),
      new Uint8Array(buffer, at(3), half),
    ];
    this.#bytes = new Uint8ClampedArray(buffer, at(4), pixels);
    this.#floats = new Float32Array(buffer, at(4), pixels);
  }

  /** Whether maps of a size can be enlarged to another: no smaller, and not beyond what pictures may be. */
  static fits(from: Size, to: Size): boolean {
    const { width, height } = from;
    return (
      width > 1 && height > 1 && to.width >= width && to.height >= height && Math.max(to.width, to.height) <= MAX_SIDE
    );
  }

  /**
   * @param quality `off` interpolates
   * @returns [to.height * to.width] in the map's unit; valid until the next call. NaN becomes the farthest.
   */
  values(quality: Upsampling, meaning: MapMeaning): Float32Array {
    this.#filter(quality, meaning, undefined);
    return this.#floats;
  }

  /** @returns [to.height * to.width], linear in disparity, clamped to 0..255; valid until the next call */
  luma(quality: 'fast' | 'best', meaning: MapMeaning, range: LumaRange): Uint8ClampedArray {
    this.#filter(quality, meaning, range);
    return this.#bytes;
  }

  #filter(quality: Upsampling, { unit, near, far }: MapMeaning, luma: LumaRange | undefined): void {
    const metres = unit === 'metres';
    const [nearest, farthest] = metres ? [1 / near, 1 / far] : [near, far];
    // All depth is even where it is only interpolated.
    const even =
      quality === 'off' ? Number.POSITIVE_INFINITY : Math.max(MIN_EVEN, EVEN[quality] * Math.abs(nearest - farthest));
    const scale = luma === undefined ? 1 : (luma.near - luma.far) / (nearest - farthest);
    const shift = luma === undefined ? 0 : luma.far - farthest * scale;
    const flag = (on: boolean) => (on ? 1 : 0);
    this.#exports.filter(
      flag(quality === 'best'),
      flag(metres),
      farthest,
      even,
      flag(luma !== undefined),
      scale,
      shift,
    );
  }
}
