import type { Lighting } from './light.ts';
import { BAKED, SMOOTH, type Vec3 } from './mesh.ts';
import { ATTRIBUTE, NORMAL, type Seen, TURN } from './records.ts';
import type { Colour } from './texture.ts';

/** How much thinner the haze is towards the sky. */
const SKY_HAZE = 0.04;
/** Light that turns texels into what is seen, at most; and its unit. */
const BRIGHTEST = 8;
export const LIGHT_ONE = 65536;

/**
 * The light of single pixels, tint and haze included: a texel becomes texel*result[c] + result[c+3], in 1/65536 of its
 * unit. Numbers go in and out through arrays: as arguments and results they would each be allocated.
 */
export class SurfaceLight {
  readonly result = new Float64Array(6);
  /** The world normal that `curved` lights. */
  readonly normal = new Float64Array(3);
  readonly #lighting: Lighting;
  /** Halfway between the sun and the viewer, who is looked for along the optical axis. */
  readonly #half = new Float64Array(3);

  constructor(lighting: Lighting) {
    this.#lighting = lighting;
  }

  /** To be called once a frame, with the direction that the camera looks in. */
  lookAlong(forward: Vec3): void {
    const { sun } = this.#lighting;
    const length = Math.hypot(sun[0] - forward[0], sun[1] - forward[1], sun[2] - forward[2]);
    for (let c = 0; c < 3; c++) this.#half[c] = (sun[c]! - forward[c]!) / length;
  }

  /** Light of the polygon whose record starts at `o`, at pixel (x, y). */
  flat(record: Seen, rec: Float64Array, o: number, x: number, y: number): void {
    const { result, normal } = this;
    const { material, mesh, kind } = record;
    const z = 1 / (rec[o]! * x + rec[o + 1]! * y + rec[o + 2]!);
    const a = o + ATTRIBUTE + 6;
    result[3] = 0;
    if (material.glow) result.fill(material.glow, 0, 3);
    else if (kind === BAKED) {
      const s = (rec[a]! * x + rec[a + 1]! * y + rec[a + 2]!) * z;
      const t = (rec[a + 3]! * x + rec[a + 4]! * y + rec[a + 5]!) * z;
      const m = record.polygon * 3;
      sampleLight(mesh.light, mesh.lightmaps[m]!, mesh.lightmaps[m + 1]!, mesh.lightmaps[m + 2]!, s, t, result);
    } else if (kind === SMOOTH) {
      const px = (rec[a]! * x + rec[a + 1]! * y + rec[a + 2]!) * z;
      const py = (rec[a + 3]! * x + rec[a + 4]! * y + rec[a + 5]!) * z;
      const pz = (rec[a + 6]! * x + rec[a + 7]! * y + rec[a + 8]!) * z;
      const m = o + TURN;
      for (let c = 0; c < 3; c++)
        normal[c] = rec[m + c * 3]! * px + rec[m + c * 3 + 1]! * py + rec[m + c * 3 + 2]! * pz;
      this.#onNormal(material.gloss);
    } else {
      for (let c = 0; c < 3; c++) normal[c] = rec[o + NORMAL + c]!;
      this.#onNormal(0);
    }
    // Far above the haze: only what lies low over the horizon fades.
    this.#finish(material.tint, material.sky ? z * SKY_HAZE : z);
  }

  /** Light of a curved surface with the normal in `normal` (any length), `z` metres away. */
  curved(record: Seen, z: number): void {
    const { material } = record;
    this.result[3] = 0;
    if (material.glow) this.result.fill(material.glow, 0, 3);
    else this.#onNormal(material.gloss);
    this.#finish(material.tint, z);
  }

  /** Sun, sky and ground; the highlight goes into result[3]. */
  #onNormal(gloss: number): void {
    const { result, normal } = this;
    const { sun, sunColour, sky, ground } = this.#lighting;
    const half = this.#half;
    let nx = normal[0]!;
    let ny = normal[1]!;
    let nz = normal[2]!;
    const length = 1 / Math.sqrt(nx * nx + ny * ny + nz * nz);
    nx *= length;
    ny *= length;
    nz *= length;
    // Wrapped a little around the edge: light in a real room comes from everywhere.
    const facing = nx * sun[0] + ny * sun[1] + nz * sun[2];
    const direct = facing > -0.2 ? (facing + 0.2) / 1.2 : 0;
    const up = (ny + 1) / 2;
    for (let c = 0; c < 3; c++) result[c] = direct * sunColour[c]! + up * sky[c]! + (1 - up) * ground[c]!;
    const cosine = nx * half[0]! + ny * half[1]! + nz * half[2]!;
    if (gloss === 0 || cosine <= 0) return;
    const c2 = cosine * cosine;
    const c4 = c2 * c2;
    const c8 = c4 * c4;
    result[3] = gloss * c8 * c8 * c8;
  }

  #finish(tint: Colour, z: number): void {
    const { result } = this;
    const { haze, hazeDensity } = this.#lighting;
    const clear = hazeDensity === 0 ? 1 : Math.exp(-hazeDensity * z);
    const highlight = result[3]! * clear;
    for (let c = 0; c < 3; c++) {
      result[c + 3] = ((1 - clear) * haze[c]! + highlight) * (255 * LIGHT_ONE);
      result[c] = Math.min(result[c]! * tint[c]! * clear, BRIGHTEST) * LIGHT_ONE;
    }
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
