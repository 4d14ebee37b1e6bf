import type { Lighting } from './light.ts';
import type { Vec3 } from './mesh.ts';
import { BALL, EYE, NORMALS, OFFSET, PER_PIXEL, STRIDE, type View } from './records.ts';
import { SurfaceLight } from './surface-light.ts';
import { mipLevel, type Texture } from './texture.ts';

/** Light is worked out at both ends of blocks of so many pixels, and is linear between. */
const BLOCK = 16;
/** Spans shorter than this have one light. */
const SHORT = 3;
/** Light times texture in 1/255, up to four times white, to bytes: linear below, a soft shoulder above. */
const TONE = Uint8Array.from({ length: 1024 }, (_, i) => {
  const x = i / 255;
  return Math.round(255 * (x < 0.7 ? x : 0.7 + 0.3 * (1 - Math.exp((0.7 - x) / 0.3))));
});

/** The shading pass: colour and exact depth of each pixel from its nearest polygon or ball. */
export class Shading {
  readonly #view: View;
  readonly #light: SurfaceLight;
  readonly #haze: number;
  /** 1/z, u/z, v/z and their steps; light as factors, addends and the steps of both: what drawBlock takes. */
  readonly #run = new Float64Array(6);
  readonly #lit = new Int32Array(12);

  constructor(view: View, lighting: Lighting) {
    this.#view = view;
    this.#light = new SurfaceLight(lighting);
    const [red, green, blue] = lighting.haze;
    this.#haze = toPixel(red * 255, green * 255, blue * 255);
  }

  /** Fills `pixels` (0xAABBGGRR) and `depth` (metres along the optical axis). `forward`: where the camera looks. */
  render(pixels: Int32Array, depth: Float32Array, forward: Vec3): void {
    const { ids, width, height, records } = this.#view;
    this.#light.lookAlong(forward);
    for (let y = 0; y < height; y++) {
      const row = y * width;
      let x = 0;
      while (x < width) {
        const id = ids[row + x]!;
        let end = x + 1;
        while (end < width && ids[row + end] === id) end++;
        if (id === 0) {
          pixels.fill(this.#haze, row + x, row + end);
          depth.fill(Number.POSITIVE_INFINITY, row + x, row + end);
        } else if (records.seen[id - 1]!.kind === BALL) this.#ball(id - 1, x, end, y, pixels, depth);
        else this.#polygon(id - 1, x, end, y, pixels, depth);
        x = end;
      }
    }
  }

  #polygon(r: number, x0: number, x1: number, y: number, pixels: Int32Array, depth: Float32Array): void {
    const { records, width } = this.#view;
    const rec = records.values;
    const light = this.#light;
    const run = this.#run;
    const lit = this.#lit;
    const record = records.seen[r]!;
    const { texture, sky } = record.material;
    const o = r * STRIDE;
    const wx = rec[o]!;
    const ux = rec[o + 3]!;
    const vx = rec[o + 6]!;
    run[3] = wx;
    run[4] = ux;
    run[5] = vx;
    light.flat(record, rec, o, x0, y);
    for (let c = 0; c < 6; c++) lit[c] = light.result[c]!;
    for (let x = x0; x < x1; x += BLOCK) {
      const n = Math.min(BLOCK, x1 - x);
      const w = wx * x + rec[o + 1]! * y + rec[o + 2]!;
      const u = ux * x + rec[o + 4]! * y + rec[o + 5]!;
      const v = vx * x + rec[o + 7]! * y + rec[o + 8]!;
      run[0] = w;
      run[1] = u;
      run[2] = v;
      const z = 1 / w;
      const down = rec[o + 1]! * z;
      const level = mipLevel(
        texture,
        (ux - u * wx * z) * z,
        (rec[o + 4]! - u * down) * z,
        (vx - v * wx * z) * z,
        (rec[o + 7]! - v * down) * z,
      );
      const last = x + BLOCK < x1 ? n : n - 1;
      if (last >= SHORT) {
        light.flat(record, rec, o, x + last, y);
        for (let c = 0; c < 6; c++) lit[c + 6] = (light.result[c]! - lit[c]!) / last;
      } else lit.fill(0, 6);
      drawBlock(pixels, depth, y * width + x, n, texture, level, run, lit);
      for (let c = 0; c < 6; c++) lit[c] = lit[c]! + lit[c + 6]! * n;
    }
    if (sky) depth.fill(Number.POSITIVE_INFINITY, y * width + x0, y * width + x1);
  }

  #ball(r: number, x0: number, x1: number, y: number, pixels: Int32Array, depth: Float32Array): void {
    const { records, width } = this.#view;
    const rec = records.values;
    const light = this.#light;
    const { normal, result } = light;
    const record = records.seen[r]!;
    const { texture } = record.material;
    const front = record.polygon === 1;
    const { texels } = texture;
    const o = r * STRIDE;
    const repeats = rec[o + PER_PIXEL]!;
    const level = mipLevel(texture, repeats, 0, 0, repeats);
    const size = texture.size >> level;
    const mask = size - 1;
    const base = texture.offsets[level]!;
    const scale = rec[o + PER_PIXEL + 1]! * size;
    const ex = rec[o + EYE]!;
    const ey = rec[o + EYE + 1]!;
    const ez = rec[o + EYE + 2]!;
    const offset = rec[o + OFFSET]!;
    const n = o + NORMALS;
    for (let x = x0, i = y * width + x0; x < x1; x++, i++) {
      const dx = rec[o]! * x + rec[o + 1]! * y + rec[o + 2]!;
      const dy = rec[o + 3]! * x + rec[o + 4]! * y + rec[o + 5]!;
      const dz = rec[o + 6]! * x + rec[o + 7]! * y + rec[o + 8]!;
      const along = ex * dx + ey * dy + ez * dz;
      const disc = along * along - (dx * dx + dy * dy + dz * dz) * offset;
      const z = offset / (Math.sqrt(Math.max(disc, 0)) - along);
      depth[i] = z;
      const sx = ex + dx * z;
      const sy = ey + dy * z;
      const sz = ez + dz * z;
      for (let c = 0; c < 3; c++)
        normal[c] = rec[n + c * 3]! * sx + rec[n + c * 3 + 1]! * sy + rec[n + c * 3 + 2]! * sz;
      light.curved(record, z);
      // A front map shows its picture to +z; otherwise the texture is thrown on along a slanted axis.
      const tu = front ? (sx + 1) * scale : (sx - 0.6 * sz + 8) * scale;
      const tv = front ? (1 - sy) * scale : (8 - sy + 0.4 * sz) * scale;
      const texel = texels[base + ((tv | 0) & mask) * size + ((tu | 0) & mask)]!;
      const red = ((texel & 255) * result[0]! + result[3]!) >> 16;
      const green = (((texel >> 8) & 255) * result[1]! + result[4]!) >> 16;
      const blue = (((texel >> 16) & 255) * result[2]! + result[5]!) >> 16;
      pixels[i] = toPixel(red, green, blue);
    }
  }
}

/** Red, green and blue in 1/255 through the tone curve. */
function toPixel(red: number, green: number, blue: number): number {
  return (
    -16777216 |
    (TONE[Math.min(blue | 0, 1023)]! << 16) |
    (TONE[Math.min(green | 0, 1023)]! << 8) |
    TONE[Math.min(red | 0, 1023)]!
  );
}

/**
 * The n pixels from i with bilinear texels of a mip level. A function of its own, with nothing else alive, so that the
 * loop runs in registers; its fractions come in arrays, because as arguments they would be allocated.
 */
function drawBlock(
  pixels: Int32Array,
  depth: Float32Array,
  i: number,
  n: number,
  texture: Texture,
  level: number,
  run: Float64Array,
  lit: Int32Array,
): void {
  const { texels } = texture;
  const offset = texture.offsets[level]!;
  const size = texture.size >> level;
  const mask = size - 1;
  const scale = size * 256;
  let w = run[0]!;
  let u = run[1]!;
  let v = run[2]!;
  const wx = run[3]!;
  const ux = run[4]!;
  const vx = run[5]!;
  let lr = lit[0]!;
  let lg = lit[1]!;
  let lb = lit[2]!;
  let ar = lit[3]!;
  let ag = lit[4]!;
  let ab = lit[5]!;
  const dr = lit[6]!;
  const dg = lit[7]!;
  const db = lit[8]!;
  const dar = lit[9]!;
  const dag = lit[10]!;
  const dab = lit[11]!;
  for (const end = i + n; i < end; i++) {
    const z = 1 / w;
    depth[i] = z;
    const k = z * scale;
    const tu = ((u * k) | 0) - 128;
    const tv = ((v * k) | 0) - 128;
    const fx = tu & 255;
    const fy = tv & 255;
    const xa = (tu >> 8) & mask;
    const xb = (xa + 1) & mask;
    const ya = offset + ((tv >> 8) & mask) * size;
    const yb = offset + (((tv >> 8) + 1) & mask) * size;
    const c00 = texels[ya + xa]!;
    const c01 = texels[ya + xb]!;
    const c10 = texels[yb + xa]!;
    const c11 = texels[yb + xb]!;
    // Red and blue in one product, green in another; differences wrap and come out right.
    let rb0 = c00 & 0xff00ff;
    let rb1 = c10 & 0xff00ff;
    rb0 = (rb0 + (Math.imul((c01 & 0xff00ff) - rb0, fx) >>> 8)) & 0xff00ff;
    rb1 = (rb1 + (Math.imul((c11 & 0xff00ff) - rb1, fx) >>> 8)) & 0xff00ff;
    const rb = (rb0 + (Math.imul(rb1 - rb0, fy) >>> 8)) & 0xff00ff;
    let g0 = (c00 >> 8) & 255;
    let g1 = (c10 >> 8) & 255;
    g0 = (g0 + (Math.imul(((c01 >> 8) & 255) - g0, fx) >> 8)) | 0;
    g1 = (g1 + (Math.imul(((c11 >> 8) & 255) - g1, fx) >> 8)) | 0;
    g0 = (g0 + (Math.imul(g1 - g0, fy) >> 8)) | 0;
    const red = (Math.imul(rb & 255, lr) + ar) >> 16;
    const green = (Math.imul(g0, lg) + ag) >> 16;
    const blue = (Math.imul(rb >> 16, lb) + ab) >> 16;
    pixels[i] =
      -16777216 |
      (TONE[Math.min(blue, 1023)]! << 16) |
      (TONE[Math.min(green, 1023)]! << 8) |
      TONE[Math.min(red, 1023)]!;
    lr = (lr + dr) | 0;
    lg = (lg + dg) | 0;
    lb = (lb + db) | 0;
    ar = (ar + dar) | 0;
    ag = (ag + dag) | 0;
    ab = (ab + dab) | 0;
    w += wx;
    u += ux;
    v += vx;
  }
}
