import { readFileSync } from 'node:fs';
import type { MapPayload } from '../protocol/index.ts';

/** What of WebAssembly is used; TypeScript's own types for it come only with those of browsers. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: object };
};

/** See native/packer/src/lib.rs. */
interface Exports {
  memory: { readonly buffer: ArrayBuffer };
  plan(pixels: number): number;
  at(buffer: number): number;
  pack16(width: number, height: number, steps: number): number;
  shades8(count: number, scale: number, shift: number): number;
}

/** Larger maps would hold a thread up for more than some milliseconds: they take the way through libuv's pool. */
const MAX_PIXELS = 1 << 19;

/** One for a thread, since calls do not overlap: memory of 20 bytes for each pixel of the largest map so far. */
class PackerModule {
  readonly #exports: Exports;
  #pixels = 0;
  #values = new Float32Array();
  #affine = new Float64Array();
  #shades = new Uint8ClampedArray();

  constructor() {
    const module = new WebAssembly.Module(readFileSync(new URL('packer.wasm', import.meta.url)));
    this.#exports = new WebAssembly.Instance(module, {}).exports as Exports;
  }

  pack(values: Float32Array, width: number, height: number, steps: number): MapPayload | undefined {
    const { memory, at, pack16 } = this.#exports;
    const { length } = values;
    if (length > this.#pixels && !this.#plan(length)) return undefined;
    this.#values.set(values);
    const size = pack16(width, height, steps);
    if (size === 0 || size >= 2 * length) return undefined;
    const [offset, scale] = this.#affine;
    return { affine: { offset: offset!, scale: scale! }, deflated: new Uint8Array(memory.buffer, at(2), size) };
  }

  shade(values: Float32Array, scale: number, shift: number, out: Uint8ClampedArray): boolean {
    const { length } = values;
    if (length > this.#pixels && !this.#plan(length)) return false;
    this.#values.set(values);
    this.#exports.shades8(length, scale, shift);
    out.set(length === this.#shades.length ? this.#shades : this.#shades.subarray(0, length));
    return true;
  }

  #plan(pixels: number): boolean {
    const { memory, at, plan } = this.#exports;
    const fits = plan(pixels) !== 0;
    this.#pixels = fits ? pixels : 0;
    if (fits) {
      this.#values = new Float32Array(memory.buffer, at(0), pixels);
      this.#affine = new Float64Array(memory.buffer, at(3), 2);
      this.#shades = new Uint8ClampedArray(memory.buffer, at(1), pixels);
    }
    return fits;
  }
}

let packer: PackerModule | undefined;

/**
 * The payload of a map in u16, in one call on this thread: 0.3 ms of CPU for 256x192, a third of what quantising, predicting and
 * zlib take one after the other.
 * @returns valid until the next call of this thread; undefined where the map is too large for it, does not pack, or holds values that
 *   are not finite
 */
export function packMap(values: Float32Array, width: number, height: number, steps: number): MapPayload | undefined {
  if (values.length > MAX_PIXELS) return undefined;
  packer ??= new PackerModule();
  return packer.pack(values, width, height, steps);
}

/**
 * Shades of a map, value * scale + shift, rounded and clamped as the array's own elements are, in a quarter of the time.
 * @returns false where the map is too large: nothing is written then
 */
export function shadeMap(values: Float32Array, scale: number, shift: number, out: Uint8ClampedArray): boolean {
  if (values.length > MAX_PIXELS) return false;
  packer ??= new PackerModule();
  return packer.shade(values, scale, shift, out);
}
