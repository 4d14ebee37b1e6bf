import type { BakeLights, Bulb, Lighting, Panel } from './light.ts';
import type { Vec3 } from './mesh.ts';
import { type Blocker, castRay, within } from './rays.ts';
import type { Colour } from './texture.ts';

const AMBIENT_RAYS = 24;

/** What may stand between a small piece of surface and each of its lights. */
export interface Surroundings {
  near: Blocker[];
  sun: Blocker[];
  panels: Blocker[][];
  bulbs: Blocker[][];
}

/** Chooses the blockers that matter to points within `size` of `middle` on a surface with this normal. */
export function surroundings(
  middle: Vec3,
  size: number,
  normal: Vec3,
  blockers: readonly Blocker[],
  lighting: Lighting,
  lights: BakeLights,
): Surroundings {
  const above = blockers.filter(({ centre: c, radius }) => {
    const height = (c[0] - middle[0]) * normal[0] + (c[1] - middle[1]) * normal[1] + (c[2] - middle[2]) * normal[2];
    return height > -radius;
  });
  const { sun } = lighting;
  const far: Vec3 = [middle[0] + sun[0] * SUN_REACH, middle[1] + sun[1] * SUN_REACH, middle[2] + sun[2] * SUN_REACH];
  return {
    near: within(above, middle, middle, size + lights.reach),
    sun: within(above, middle, far, size + SUN_SPREAD * SUN_REACH * 0.5),
    panels: (lights.panels ?? []).map(({ corner: o, edgeU: u, edgeV: v }) => {
      const centre: Vec3 = [o[0] + (u[0] + v[0]) / 2, o[1] + (u[1] + v[1]) / 2, o[2] + (u[2] + v[2]) / 2];
      const reach = Math.hypot(u[0] + v[0], u[1] + v[1], u[2] + v[2]) / 2;
      return within(above, middle, centre, Math.max(size, reach));
    }),
    bulbs: (lights.bulbs ?? []).map(({ position, size: reach }) =>
      within(above, middle, position, Math.max(size, reach)),
    ),
  };
}

const SUN_REACH = 60;
const SUN_SPREAD = 0.02;

/** Light that falls on a point of a surface: what the sky and the room give, windows, lamps, sun. `turn` jitters the rays. */
export function lightAt(
  point: Vec3,
  normal: Vec3,
  turn: number,
  around: Surroundings,
  lighting: Lighting,
  lights: BakeLights,
  out: Float64Array,
): void {
  // With nothing near, the mean of (y+1)/2 over the cosine-weighted hemisphere.
  let up = (normal[1] * 2) / 6 + 0.5;
  let down = 1 - up;
  if (around.near.length > 0) {
    up = 0;
    down = 0;
    for (let i = 0; i < AMBIENT_RAYS; i++) {
      hemisphere(normal, i, AMBIENT_RAYS, turn, direction);
      const open = castRay(point, direction, around.near, lights.reach) / lights.reach;
      const visible = (0.25 + 0.75 * open) / AMBIENT_RAYS;
      const share = (direction[1] + 1) / 2;
      up += visible * share;
      down += visible * (1 - share);
    }
  }
  for (let c = 0; c < 3; c++) out[c] = lighting.sky[c]! * up + lighting.ground[c]! * down;
  const add = (colour: Colour, k: number) => {
    for (let c = 0; c < 3; c++) out[c] = out[c]! + colour[c]! * k;
  };
  lights.panels?.forEach((panel, k) => {
    add(panel.colour, panelLight(point, normal, panel, turn, around.panels[k]!));
  });
  lights.bulbs?.forEach((bulb, k) => {
    add(bulb.colour, bulbLight(point, normal, bulb, turn, around.bulbs[k]!));
  });
  add(lighting.sunColour, sunLight(point, normal, lighting.sun, turn, around.sun, lights));
}

const direction: [number, number, number] = [0, 0, 0];

/** Direction i of n, distributed by cosine about the normal and turned by a share of a circle. */
function hemisphere(n: Vec3, i: number, count: number, turn: number, out: [number, number, number]): void {
  const up = Math.sqrt(1 - (i + 0.5) / count);
  const side = Math.sqrt(1 - up * up);
  const angle = 2 * Math.PI * (i * 0.618034 + turn);
  const a = Math.cos(angle) * side;
  const b = Math.sin(angle) * side;
  // Two axes across the normal (Duff et al. 2017, Building an Orthonormal Basis, Revisited).
  const sign = n[2] >= 0 ? 1 : -1;
  const k = -1 / (sign + n[2]);
  const m = n[0] * n[1] * k;
  out[0] = a * (1 + sign * n[0] * n[0] * k) + b * m + n[0] * up;
  out[1] = a * sign * m + b * (sign + n[1] * n[1] * k) + n[1] * up;
  out[2] = -a * sign * n[0] - b * n[1] + n[2] * up;
}

function panelLight(point: Vec3, normal: Vec3, panel: Panel, turn: number, blockers: readonly Blocker[]): number {
  const { corner: o, edgeU: u, edgeV: v } = panel;
  const face: Vec3 = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  const area = Math.hypot(...face);
  const SIDE = 3;
  let sum = 0;
  for (let k = 0; k < SIDE * SIDE; k++) {
    const a = ((k % SIDE) + ((turn * 7.3 + k * 0.37) % 1)) / SIDE;
    const b = (Math.floor(k / SIDE) + ((turn * 3.1 + k * 0.71) % 1)) / SIDE;
    const to: Vec3 = [
      o[0] + u[0] * a + v[0] * b - point[0],
      o[1] + u[1] * a + v[1] * b - point[1],
      o[2] + u[2] * a + v[2] * b - point[2],
    ];
    const rr = to[0] * to[0] + to[1] * to[1] + to[2] * to[2];
    const r = Math.sqrt(rr);
    const here = (to[0] * normal[0] + to[1] * normal[1] + to[2] * normal[2]) / r;
    const there = -(to[0] * face[0] + to[1] * face[1] + to[2] * face[2]) / (r * area);
    if (here <= 0 || there <= 0) continue;
    if (castRay(point, [to[0] / r, to[1] / r, to[2] / r], blockers, r - 0.05) < r - 0.05) continue;
    sum += (here * there * area) / (rr + 0.1);
  }
  return sum / (SIDE * SIDE * Math.PI);
}

function bulbLight(point: Vec3, normal: Vec3, bulb: Bulb, turn: number, blockers: readonly Blocker[]): number {
  const SAMPLES = 4;
  let sum = 0;
  for (let k = 0; k < SAMPLES; k++) {
    const jitter = (axis: number) => (((turn * 9.7 + k * 0.618 + axis * 0.37) % 1) - 0.5) * 2 * bulb.size;
    const to: Vec3 = [
      bulb.position[0] + jitter(0) - point[0],
      bulb.position[1] + jitter(1) - point[1],
      bulb.position[2] + jitter(2) - point[2],
    ];
    const rr = to[0] * to[0] + to[1] * to[1] + to[2] * to[2];
    const r = Math.sqrt(rr);
    const here = (to[0] * normal[0] + to[1] * normal[1] + to[2] * normal[2]) / r;
    const reach = r - bulb.size * 2;
    if (here <= 0 || castRay(point, [to[0] / r, to[1] / r, to[2] / r], blockers, reach) < reach) continue;
    sum += here / (rr + 0.15);
  }
  return sum / SAMPLES;
}

function sunLight(
  point: Vec3,
  normal: Vec3,
  sun: Vec3,
  turn: number,
  blockers: readonly Blocker[],
  lights: BakeLights,
): number {
  const facing = sun[0] * normal[0] + sun[1] * normal[1] + sun[2] * normal[2];
  if (facing <= 0) return 0;
  if (lights.indoors && !(lights.panels ?? []).some((panel) => passes(point, sun, panel))) return 0;
  const SAMPLES = 4;
  let open = 0;
  for (let k = 0; k < SAMPLES; k++) {
    const jitter = (axis: number) => (((turn * 5.3 + k * 0.618 + axis * 0.37) % 1) - 0.5) * 2 * SUN_SPREAD;
    const dir: Vec3 = [sun[0] + jitter(0), sun[1] + jitter(1), sun[2] + jitter(2)];
    if (castRay(point, dir, blockers, SUN_REACH) >= SUN_REACH) open++;
  }
  return (facing * open) / SAMPLES;
}

/** Whether the ray goes out through the panel. */
function passes(point: Vec3, dir: Vec3, { corner, edgeU: u, edgeV: v }: Panel): boolean {
  const n: Vec3 = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  const along = dir[0] * n[0] + dir[1] * n[1] + dir[2] * n[2];
  const to: Vec3 = [corner[0] - point[0], corner[1] - point[1], corner[2] - point[2]];
  const t = (to[0] * n[0] + to[1] * n[1] + to[2] * n[2]) / along;
  if (!(t > 0)) return false;
  const at: Vec3 = [dir[0] * t - to[0], dir[1] * t - to[1], dir[2] * t - to[2]];
  const share = (e: Vec3) => (at[0] * e[0] + at[1] * e[1] + at[2] * e[2]) / (e[0] ** 2 + e[1] ** 2 + e[2] ** 2);
  return share(u) >= 0 && share(u) <= 1 && share(v) >= 0 && share(v) <= 1;
}
