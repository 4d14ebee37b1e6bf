import { lightAt, surroundings } from './irradiance.ts';
import type { BakeLights, Lighting } from './light.ts';
import { ATTRIBUTES, BAKED, FLAT, type Mesh, type Vec3 } from './mesh.ts';
import { hash2 } from './noise.ts';
import { type Blocker, toBlocker } from './rays.ts';

const MAX_TEXELS = 256;

/**
 * Bakes light and soft shadow into the flat polygons of a mesh that does not move: ambient occlusion, windows, lamps and
 * sun, by casting rays at its occluders. Curved surfaces keep the scene's plain lighting.
 */
export function bakeLight(mesh: Mesh, lighting: Lighting, lights: BakeLights): void {
  const blockers = mesh.occluders.map(toBlocker);
  const patches: Patch[] = [];
  let texels = 0;
  for (let p = 0; p < mesh.polygons; p++) {
    const material = mesh.materials[p]!;
    if (mesh.kinds[p] !== FLAT || material.sky || material.glow || material.masked) continue;
    const patch = layOut(mesh, p, lights.texel);
    mesh.kinds[p] = BAKED;
    mesh.lightmaps.set([texels, patch.columns, patch.rows], p * 3);
    texels += patch.columns * patch.rows;
    patches.push(patch);
  }
  mesh.light = new Float32Array(texels * 3);
  let at = 0;
  for (const patch of patches) {
    const raw = lightPatch(patch, blockers, lighting, lights);
    mesh.light.set(blur(raw, patch.columns, patch.rows), at);
    at += raw.length;
  }
}

interface Patch {
  origin: Vec3;
  normal: Vec3;
  /** From the first to the last column or row. */
  across: Vec3;
  down: Vec3;
  columns: number;
  rows: number;
}

/** A rectangle around polygon p, and its lightmap coordinates (in texels) as the polygon's third and fourth attribute. */
function layOut(mesh: Mesh, p: number, texel: number): Patch {
  const corner = (i: number): Vec3 => {
    const o = (mesh.first[p]! + i) * 3;
    return [mesh.vertices[o]!, mesh.vertices[o + 1]!, mesh.vertices[o + 2]!];
  };
  const count = mesh.first[p + 1]! - mesh.first[p]!;
  const normal: Vec3 = [mesh.planes[p * 4]!, mesh.planes[p * 4 + 1]!, mesh.planes[p * 4 + 2]!];
  const a = corner(0);
  const b = corner(1);
  const edge: Vec3 = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
  const length = Math.hypot(...edge);
  const axisS: Vec3 = [edge[0] / length, edge[1] / length, edge[2] / length];
  const axisT: Vec3 = [
    normal[1] * axisS[2] - normal[2] * axisS[1],
    normal[2] * axisS[0] - normal[0] * axisS[2],
    normal[0] * axisS[1] - normal[1] * axisS[0],
  ];
  const range = (axis: Vec3): [number, number] => {
    let low = Infinity;
    let high = -Infinity;
    for (let i = 0; i < count; i++) {
      const c = corner(i);
      const along = c[0] * axis[0] + c[1] * axis[1] + c[2] * axis[2];
      low = Math.min(low, along);
      high = Math.max(high, along);
    }
    return [low, high];
  };
  const [s0, s1] = range(axisS);
  const [t0, t1] = range(axisT);
  const offset = mesh.planes[p * 4 + 3]!;
  const columns = Math.min(MAX_TEXELS, Math.max(2, Math.ceil((s1 - s0) / texel) + 1));
  const rows = Math.min(MAX_TEXELS, Math.max(2, Math.ceil((t1 - t0) / texel) + 1));
  const place = (k: number) => axisS[k]! * s0 + axisT[k]! * t0 + normal[k]! * offset;
  const set = (attribute: number, axis: Vec3, low: number, scale: number) => {
    const at = (p * ATTRIBUTES + attribute) * 4;
    mesh.gradients.set([axis[0] * scale, axis[1] * scale, axis[2] * scale, -low * scale], at);
  };
  set(2, axisS, s0, (columns - 1) / (s1 - s0));
  set(3, axisT, t0, (rows - 1) / (t1 - t0));
  return {
    origin: [place(0), place(1), place(2)],
    normal,
    across: [axisS[0] * (s1 - s0), axisS[1] * (s1 - s0), axisS[2] * (s1 - s0)],
    down: [axisT[0] * (t1 - t0), axisT[1] * (t1 - t0), axisT[2] * (t1 - t0)],
    columns,
    rows,
  };
}

/** Texels that share one choice of blockers, a side. */
const TILE = 8;
/** Rays start this far above their surface, in metres. */
const LIFT = 0.01;

function lightPatch(patch: Patch, blockers: readonly Blocker[], lighting: Lighting, lights: BakeLights): Float32Array {
  const { columns, rows, origin, across, down, normal } = patch;
  const out = new Float32Array(columns * rows * 3);
  const [width, height] = [Math.hypot(...across), Math.hypot(...down)];
  const at = (s: number, t: number, k: number) => origin[k]! + across[k]! * s + down[k]! * t + normal[k]! * LIFT;
  const point = (s: number, t: number): Vec3 => [at(s, t, 0), at(s, t, 1), at(s, t, 2)];
  const seed = Math.round((origin[0] + across[0]) * 64 + (origin[2] + down[2]) * 512);
  const colour = new Float64Array(3);
  for (let tj = 0; tj < rows; tj += TILE)
    for (let ti = 0; ti < columns; ti += TILE) {
      const [endI, endJ] = [Math.min(columns, ti + TILE), Math.min(rows, tj + TILE)];
      const middle = point((ti + endI - 1) / 2 / (columns - 1), (tj + endJ - 1) / 2 / (rows - 1));
      const size = Math.hypot(((endI - ti) / 2 / (columns - 1)) * width, ((endJ - tj) / 2 / (rows - 1)) * height);
      const around = surroundings(middle, size, normal, blockers, lighting, lights);
      for (let j = tj; j < endJ; j++)
        for (let i = ti; i < endI; i++) {
          const place = point(inset(i, columns, width), inset(j, rows, height));
          lightAt(place, normal, hash2(i, j, seed), around, lighting, lights, colour);
          out.set(colour, (j * columns + i) * 3);
        }
    }
  return out;
}

/** Texel i of `count` along a side, a little inside its ends: the very corner of a room belongs to two walls. */
function inset(i: number, count: number, length: number): number {
  const margin = Math.min(0.1, 0.02 / Math.max(length, 0.02));
  return Math.min(1 - margin, Math.max(margin, i / (count - 1)));
}

/** A 3x3 binomial filter: evens out the few rays of each texel. */
function blur(data: Float32Array, columns: number, rows: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let j = 0; j < rows; j++)
    for (let i = 0; i < columns; i++)
      for (let dj = -1; dj <= 1; dj++)
        for (let di = -1; di <= 1; di++) {
          const x = Math.min(columns - 1, Math.max(0, i + di));
          const y = Math.min(rows - 1, Math.max(0, j + dj));
          const weight = ((di === 0 ? 2 : 1) * (dj === 0 ? 2 : 1)) / 16;
          for (let c = 0; c < 3; c++) {
            const o = (j * columns + i) * 3 + c;
            out[o] = out[o]! + data[(y * columns + x) * 3 + c]! * weight;
          }
        }
  return out;
}
