/** Red, green and blue; 1 is full brightness. */
export type Colour = readonly [number, number, number];

/** A square picture with its mip levels, texels packed as 0xAABBGGRR. It repeats in both directions. */
export interface Texture {
  /** Side of level 0 in texels, a power of two. */
  readonly size: number;
  readonly levels: number;
  /** Where each level starts in `texels`. */
  readonly offsets: Int32Array;
  readonly texels: Int32Array;
}

export const mix = (a: number, b: number, t: number): number => a + (b - a) * t;
export const clamp01 = (x: number): number => (x < 0 ? 0 : Math.min(x, 1));
export const smooth = (low: number, high: number, x: number): number => {
  const t = clamp01((x - low) / (high - low));
  return t * t * (3 - 2 * t);
};
export const mixColour = (a: Colour, b: Colour, t: number): Colour => [
  mix(a[0], b[0], t),
  mix(a[1], b[1], t),
  mix(a[2], b[2], t),
];
export const scaleColour = (a: Colour, k: number): Colour => [a[0] * k, a[1] * k, a[2] * k];

/** `#rrggbb` as a colour. */
export function hex(code: string): Colour {
  const n = Number.parseInt(code.slice(1), 16);
  return [(n >> 16) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
}

/** The mip level whose texels are about as large as a pixel, given the repeats per pixel along x and y. */
export function mipLevel({ size, levels }: Texture, ux: number, uy: number, vx: number, vy: number): number {
  const across = (ux * ux + vx * vx) * size * size;
  const down = (uy * uy + vy * vy) * size * size;
  // Between the sharper and the blurrier axis: floors seen at a grazing angle would smear otherwise.
  const area = Math.sqrt(across * down) * 0.5 + Math.max(across, down) * 0.2;
  const level = area < 1 ? 0 : (32 - Math.clz32(area)) >> 1;
  return level < levels ? level : levels - 1;
}

/** A picture being painted: four floats a texel (red, green, blue, alpha). */
export class Canvas {
  readonly size: number;
  readonly data: Float32Array;

  constructor(size: number, background: Colour = [0, 0, 0], alpha = 1) {
    this.size = size;
    this.data = new Float32Array(size * size * 4);
    this.each(() => background);
    for (let i = 3; i < this.data.length; i += 4) this.data[i] = alpha;
  }

  /** Sets every texel from its place, u to the right and v down, both in [0, 1). */
  each(paint: (u: number, v: number, old: Colour) => Colour): this {
    const { size, data } = this;
    for (let y = 0, i = 0; y < size; y++)
      for (let x = 0; x < size; x++, i += 4) {
        const colour = paint((x + 0.5) / size, (y + 0.5) / size, [data[i]!, data[i + 1]!, data[i + 2]!]);
        data[i] = colour[0];
        data[i + 1] = colour[1];
        data[i + 2] = colour[2];
      }
    return this;
  }

  /**
   * Lays a colour over the texels of a box (left, top, right, bottom in [0, 1]); `cover` says how much of it at a
   * place within the box, both coordinates in [-1, 1]. Alpha rises with the coverage.
   */
  over(
    box: readonly [number, number, number, number],
    colour: Colour,
    cover: (x: number, y: number) => number = () => 1,
  ): this {
    const { size, data } = this;
    const [left, top, right, bottom] = box;
    for (let y = Math.max(0, Math.floor(top * size)); y < Math.min(size, bottom * size); y++)
      for (let x = Math.max(0, Math.floor(left * size)); x < Math.min(size, right * size); x++) {
        const px = (2 * ((x + 0.5) / size - left)) / (right - left) - 1;
        const py = (2 * ((y + 0.5) / size - top)) / (bottom - top) - 1;
        if (Math.abs(px) > 1 || Math.abs(py) > 1) continue;
        const t = clamp01(cover(px, py));
        if (t === 0) continue;
        const i = (y * size + x) * 4;
        for (let c = 0; c < 3; c++) data[i + c] = mix(data[i + c]!, colour[c]!, t);
        data[i + 3] = Math.max(data[i + 3]!, t);
      }
    return this;
  }

  /** An ellipse in the box; `soft` is the share of its radius that fades out. */
  ellipse(box: readonly [number, number, number, number], colour: Colour, soft = 0.1): this {
    return this.over(box, colour, (x, y) => smooth(1, 1 - soft, Math.hypot(x, y)));
  }

  toTexture(): Texture {
    const levels = Math.log2(this.size) + 1;
    const offsets = new Int32Array(levels);
    let total = 0;
    for (let level = 0; level < levels; level++) {
      offsets[level] = total;
      total += (this.size >> level) ** 2;
    }
    const texels = new Int32Array(total);
    let data: Float32Array = this.data;
    const coverage = alphaCoverage(data, 1);
    for (let level = 0; level < levels; level++) {
      pack(data, texels, offsets[level]!, level === 0 ? 1 : alphaGain(data, coverage));
      data = halve(data, this.size >> level);
    }
    return { size: this.size, levels, offsets, texels };
  }
}

function pack(data: Float32Array, texels: Int32Array, offset: number, gain: number): void {
  for (let i = 0; i < data.length; i += 4) {
    const byte = (x: number) => Math.round(clamp01(x) * 255);
    const rgb = byte(data[i]!) | (byte(data[i + 1]!) << 8) | (byte(data[i + 2]!) << 16);
    texels[offset + i / 4] = rgb | (byte(data[i + 3]! * gain) << 24);
  }
}

/** Box filter to half the side; colours weigh by their alpha, so that a mask's background does not bleed in. */
function halve(data: Float32Array, size: number): Float32Array {
  const half = Math.max(1, size >> 1);
  const out = new Float32Array(half * half * 4);
  if (size === 1) return out;
  for (let y = 0; y < half; y++)
    for (let x = 0; x < half; x++) {
      const o = (y * half + x) * 4;
      let weight = 0;
      for (let k = 0; k < 4; k++) {
        const i = ((2 * y + (k >> 1)) * size + 2 * x + (k & 1)) * 4;
        const a = data[i + 3]! + 1e-4;
        for (let c = 0; c < 3; c++) out[o + c] = out[o + c]! + data[i + c]! * a;
        out[o + 3] = out[o + 3]! + data[i + 3]! / 4;
        weight += a;
      }
      for (let c = 0; c < 3; c++) out[o + c] = out[o + c]! / weight;
    }
  return out;
}

function alphaCoverage(data: Float32Array, gain: number): number {
  let covered = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i]! * gain >= 0.5) covered++;
  return covered / (data.length / 4);
}

/** The factor on alpha that keeps the covered share of a mask in its smaller levels: leaves must not thin out far away. */
function alphaGain(data: Float32Array, coverage: number): number {
  if (coverage === 1) return 1;
  let low = 0;
  let high = 8;
  for (let i = 0; i < 12; i++) {
    const middle = (low + high) / 2;
    if (alphaCoverage(data, middle) < coverage) low = middle;
    else high = middle;
  }
  return high;
}
