import type { Lighting } from './light.ts';
import { BAKED, SMOOTH, type Vec3 } from './mesh.ts';
import {
  ATTRIBUTE,
  BALL,
  EYE,
  mipLevel,
  NORMAL,
  NORMALS,
  OFFSET,
  PER_PIXEL,
  type Seen,
  STRIDE,
  TURN,
  type Visibility,
} from './visibility.ts';

/** Light is worked out at both ends of blocks of so many pixels, and is linear between. */
const BLOCK = 16;
/** How much thinner the haze is towards the sky. */
const SKY_HAZE = 0.04;
/** Light times texture in 1/255, up to four times white, to bytes: linear below, a soft shoulder above. */
const TONE = Uint8Array.from({ length: 1024 }, (_, i) => {
  const x = i / 255;
  return Math.round(255 * (x < 0.7 ? x : 0.7 + 0.3 * (1 - Math.exp((0.7 - x) / 0.3))));
});

/** The shading pass: colour and exact depth of each pixel from its nearest polygon or ball. */
export class Shading {
  readonly #visibility: Visibility;
  readonly #lighting: Lighting;
  /** Factor and addend of red, green and blue at a block's end, times 65536. */
  readonly #lit = new Float64Array(6);

  constructor(visibility: Visibility, lighting: Lighting) {
    this.#visibility = visibility;
    this.#lighting = lighting;
  }

  /** Fills `pixels` (0xAABBGGRR) and `depth` (metres along the optical axis). */
  render(pixels: Int32Array, depth: Float32Array, eye: Vec3): void {
    const { ids, width, height, seen } = this.#visibility;
    const haze = this.#lighting.haze;
    const byte = (x: number) => TONE[Math.round(x * 255)]!;
    const empty = (255 << 24) | (byte(haze[2]) << 16) | (byte(haze[1]) << 8) | byte(haze[0]);
    for (let y = 0; y < height; y++) {
      const row = y * width;
      let x = 0;
      while (x < width) {
        const id = ids[row + x]!;
        let end = x + 1;
        while (end < width && ids[row + end] === id) end++;
        if (id === 0) {
          pixels.fill(empty, row + x, row + end);
          depth.fill(Infinity, row + x, row + end);
        } else if (seen[id - 1]!.kind === BALL) this.#ball(id - 1, x, end, y, pixels, depth, eye);
        else this.#polygon(id - 1, x, end, y, pixels, depth, eye);
        x = end;
      }
    }
  }

  #polygon(r: number, x0: number, x1: number, y: number, pixels: Int32Array, depth: Float32Array, eye: Vec3): void {
    const { records: rec, width, seen } = this.#visibility;
    const lit = this.#lit;
    const record = seen[r]!;
    const { texture, sky } = record.material;
    const { texels } = texture;
    const o = r * STRIDE;
    const wx = rec[o]!;
    const ux = rec[o + 3]!;
    const vx = rec[o + 6]!;
    let w = wx * x0 + rec[o + 1]! * y + rec[o + 2]!;
    let u = ux * x0 + rec[o + 4]! * y + rec[o + 5]!;
    let v = vx * x0 + rec[o + 7]! * y + rec[o + 8]!;
    this.#lightAt(record, o, x0, y, 1 / w, eye);
    let r1 = lit[0]! | 0;
    let g1 = lit[1]! | 0;
    let b1 = lit[2]! | 0;
    let ra1 = lit[3]! | 0;
    let ga1 = lit[4]! | 0;
    let ba1 = lit[5]! | 0;
    let i = y * width + x0;
    const spanEnd = y * width + x1;
    while (i < spanEnd) {
      const n = Math.min(BLOCK, spanEnd - i);
      const end = i + n;
      const z0 = 1 / w;
      const uz = u * z0;
      const vz = v * z0;
      const level = mipLevel(
        texture.size,
        texture.levels,
        z0,
        ux - uz * wx,
        rec[o + 4]! - uz * rec[o + 1]!,
        vx - vz * wx,
        rec[o + 7]! - vz * rec[o + 1]!,
      );
      const size = texture.size >> level;
      const [lr, lg, lb, ar, ag, ab] = [r1, g1, b1, ra1, ga1, ba1];
      const last = i + BLOCK < spanEnd ? n : n - 1;
      if (last > 0) {
        this.#lightAt(record, o, i - y * width + last, y, 1 / (w + wx * last), eye);
        r1 = lit[0]! | 0;
        g1 = lit[1]! | 0;
        b1 = lit[2]! | 0;
        ra1 = lit[3]! | 0;
        ga1 = lit[4]! | 0;
        ba1 = lit[5]! | 0;
      }
      const steps = last > 0 ? last : 1;
      const dr = ((r1 - lr) / steps) | 0;
      const dg = ((g1 - lg) / steps) | 0;
      const db = ((b1 - lb) / steps) | 0;
      const dar = ((ra1 - ar) / steps) | 0;
      const dag = ((ga1 - ag) / steps) | 0;
      const dab = ((ba1 - ab) / steps) | 0;
      drawBlock(
        pixels,
        depth,
        i,
        end,
        w,
        wx,
        u,
        ux,
        v,
        vx,
        texels,
        texture.offsets[level]!,
        size,
        lr,
        lg,
        lb,
        ar,
        ag,
        ab,
        dr,
        dg,
        db,
        dar,
        dag,
        dab,
      );
      i = end;
      w += wx * n;
      u += ux * n;
      v += vx * n;
    }
    if (sky) depth.fill(Infinity, y * width + x0, spanEnd);
  }

  /** Light at a pixel of a polygon into #lit, z metres away: material tint, light and haze. */
  #lightAt(record: Seen, o: number, x: number, y: number, z: number, eye: Vec3): void {
    const { records: rec } = this.#visibility;
    const lit = this.#lit;
    const { material, mesh, kind } = record;
    lit[3] = 0;
    if (material.glow) {
      for (let c = 0; c < 3; c++) lit[c] = material.glow;
    } else if (kind === BAKED) {
      const a = o + ATTRIBUTE + 6;
      const s = (rec[a]! * x + rec[a + 1]! * y + rec[a + 2]!) * z;
      const t = (rec[a + 3]! * x + rec[a + 4]! * y + rec[a + 5]!) * z;
      const m = record.polygon * 3;
      sampleLight(mesh.light, mesh.lightmaps[m]!, mesh.lightmaps[m + 1]!, mesh.lightmaps[m + 2]!, s, t, lit);
    } else {
      let nx = rec[o + NORMAL]!;
      let ny = rec[o + NORMAL + 1]!;
      let nz = rec[o + NORMAL + 2]!;
      if (kind === SMOOTH) {
        const a = o + ATTRIBUTE + 6;
        const px = (rec[a]! * x + rec[a + 1]! * y + rec[a + 2]!) * z;
        const py = (rec[a + 3]! * x + rec[a + 4]! * y + rec[a + 5]!) * z;
        const pz = (rec[a + 6]! * x + rec[a + 7]! * y + rec[a + 8]!) * z;
        const m = o + TURN;
        nx = rec[m]! * px + rec[m + 1]! * py + rec[m + 2]! * pz;
        ny = rec[m + 3]! * px + rec[m + 4]! * py + rec[m + 5]! * pz;
        nz = rec[m + 6]! * px + rec[m + 7]! * py + rec[m + 8]! * pz;
        const length = 1 / Math.sqrt(nx * nx + ny * ny + nz * nz);
        nx *= length;
        ny *= length;
        nz *= length;
      }
      this.#lightNormal(nx, ny, nz, kind === SMOOTH ? material.gloss : 0, eye);
    }
    // Far above the haze: only what lies low over the horizon fades.
    this.#finish(material.tint, material.sky ? z * SKY_HAZE : z);
  }

  /** Sun, sky and ground on a surface with this world normal; the highlight goes into lit[3]. */
  #lightNormal(nx: number, ny: number, nz: number, gloss: number, eye: Vec3): void {
    const { sun, sunColour, sky, ground } = this.#lighting;
    const lit = this.#lit;
    const facing = nx * sun[0] + ny * sun[1] + nz * sun[2];
    // Wrapped a little around the edge: light in a real room comes from everywhere.
    const direct = facing > -0.2 ? (facing + 0.2) / 1.2 : 0;
    const up = (ny + 1) / 2;
    for (let c = 0; c < 3; c++) lit[c] = direct * sunColour[c]! + up * sky[c]! + (1 - up) * ground[c]!;
    if (gloss === 0) return;
    // Halfway between the sun and the viewer, who is looked for along the optical axis.
    const hx = sun[0] - eye[0];
    const hy = sun[1] - eye[1];
    const hz = sun[2] - eye[2];
    const cosine = (nx * hx + ny * hy + nz * hz) / Math.sqrt(hx * hx + hy * hy + hz * hz);
    if (cosine <= 0) return;
    const c2 = cosine * cosine;
    const c4 = c2 * c2;
    const c8 = c4 * c4;
    lit[3] = gloss * c8 * c8 * c8;
  }

  #finish(tint: readonly [number, number, number], z: number): void {
    const lit = this.#lit;
    const { haze, hazeDensity } = this.#lighting;
    const clear = hazeDensity === 0 ? 1 : Math.exp(-hazeDensity * z);
    const highlight = lit[3]! * clear;
    for (let c = 0; c < 3; c++) {
      lit[c + 3] = ((1 - clear) * haze[c]! + highlight) * (255 * 65536);
      const light = lit[c]! * tint[c]! * clear;
      lit[c] = Math.min(light, 8) * 65536;
    }
  }

  #ball(r: number, x0: number, x1: number, y: number, pixels: Int32Array, depth: Float32Array, eye: Vec3): void {
    const { records: rec, width, seen } = this.#visibility;
    const lit = this.#lit;
    const { material, polygon: front } = seen[r]!;
    const { texture } = material;
    const { texels } = texture;
    const o = r * STRIDE;
    const perPixel = rec[o + PER_PIXEL]! * texture.size;
    const level = Math.min(texture.levels - 1, perPixel < 1 ? 0 : (32 - Math.clz32(perPixel * perPixel)) >> 1);
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
      const nx = rec[n]! * sx + rec[n + 1]! * sy + rec[n + 2]! * sz;
      const ny = rec[n + 3]! * sx + rec[n + 4]! * sy + rec[n + 5]! * sz;
      const nz = rec[n + 6]! * sx + rec[n + 7]! * sy + rec[n + 8]! * sz;
      const length = 1 / Math.sqrt(nx * nx + ny * ny + nz * nz);
      lit[3] = 0;
      if (material.glow) lit.fill(material.glow, 0, 3);
      else this.#lightNormal(nx * length, ny * length, nz * length, material.gloss, eye);
      this.#finish(material.tint, z);
      // A front map shows its picture to +z; otherwise the texture is thrown on along a slanted axis.
      const tu = front ? (sx + 1) * scale : (sx - 0.6 * sz + 8) * scale;
      const tv = front ? (1 - sy) * scale : (8 - sy + 0.4 * sz) * scale;
      const texel = texels[base + ((tv | 0) & mask) * size + ((tu | 0) & mask)]!;
      const red = ((texel & 255) * lit[0]! + lit[3]!) >> 16;
      const green = (((texel >> 8) & 255) * lit[1]! + lit[4]!) >> 16;
      const blue = (((texel >> 16) & 255) * lit[2]! + lit[5]!) >> 16;
      pixels[i] =
        -16777216 |
        (TONE[Math.min(blue, 1023)]! << 16) |
        (TONE[Math.min(green, 1023)]! << 8) |
        TONE[Math.min(red, 1023)]!;
    }
  }
}

/**
 * Pixels i to end of one row: 1/z, u/z and v/z with their steps, bilinear texels, light (factor l and addend a, times
 * 65536) with its steps. A function of its own, with nothing else alive, so that the loop runs in registers.
 */
function drawBlock(
  pixels: Int32Array,
  depth: Float32Array,
  i: number,
  end: number,
  w: number,
  wx: number,
  u: number,
  ux: number,
  v: number,
  vx: number,
  texels: Int32Array,
  offset: number,
  size: number,
  lr: number,
  lg: number,
  lb: number,
  ar: number,
  ag: number,
  ab: number,
  dr: number,
  dg: number,
  db: number,
  dar: number,
  dag: number,
  dab: number,
): void {
  const mask = size - 1;
  const scale = size * 256;
  for (; i < end; i++) {
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

/** Bilinear value of a lightmap at (s, t) texels. */
function sampleLight(
  light: Float32Array,
  start: number,
  columns: number,
  rows: number,
  s: number,
  t: number,
  out: Float64Array,
): void {
  const x = s < 0 ? 0 : Math.min(s, columns - 1);
  const y = t < 0 ? 0 : Math.min(t, rows - 1);
  const xi = Math.min(x | 0, columns - 2);
  const yi = Math.min(y | 0, rows - 2);
  const fx = x - xi;
  const fy = y - yi;
  const a = (start + yi * columns + xi) * 3;
  const b = a + columns * 3;
  for (let c = 0; c < 3; c++) {
    const top = light[a + c]! + (light[a + c + 3]! - light[a + c]!) * fx;
    const bottom = light[b + c]! + (light[b + c + 3]! - light[b + c]!) * fx;
    out[c] = top + (bottom - top) * fy;
  }
}
