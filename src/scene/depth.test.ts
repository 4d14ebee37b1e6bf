import { mat4 } from 'gl-matrix';
import { expect, test } from 'vitest';
import { MeshBuilder } from './builder.ts';
import { lookAt, matrix } from './camera.ts';
import { CATALOGUE } from './catalogue.ts';
import { material, type Vec3 } from './mesh.ts';
import { Random } from './noise.ts';
import { createTarget, Renderer, type RenderTarget } from './renderer.ts';
import { plaster } from './surfaces.ts';
import type { Instance } from './visibility.ts';
import type { World } from './world.ts';

const WIDTH = 160;
const HEIGHT = 120;

/** World ray through a pixel's centre, one metre long along the optical axis. */
function rayOf({ pose, intrinsics: k }: RenderTarget, x: number, y: number): { from: Vec3; dir: Vec3 } {
  const [a, b] = [(x - k.cx) / k.fx, (y - k.cy) / k.fy];
  const along = (row: number) => pose[row]! * a + pose[4 + row]! * b + pose[8 + row]!;
  return { from: [pose[12], pose[13], pose[14]], dir: [along(0), along(1), along(2)] };
}

const dot = (a: Vec3, b: Vec3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const sub = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

function bareWorld(instances: Instance[], eye: Vec3, target: Vec3): World {
  return {
    lighting: {
      sun: [0, 1, 0],
      sunColour: [1, 1, 1],
      sky: [0.5, 0.5, 0.5],
      ground: [0.5, 0.5, 0.5],
      haze: [0, 0, 0],
      hazeDensity: 0,
    },
    instances,
    focal: 0.8,
    still: true,
    tripod: true,
    animate: () => {},
    camera: (_, pose) => {
      lookAt(pose, eye, target, 0.1);
    },
  };
}

test('a floor and two ellipsoids have the depth that their equations give', () => {
  const even = material(plaster(1), 1);
  const b = new MeshBuilder();
  b.polygon(
    [
      [-50, 0, -50],
      [-50, 0, 50],
      [50, 0, 50],
      [50, 0, -50],
    ],
    even,
  );
  b.ball([0.2, 0.8, -3], [0.7, 0.7, 0.7], even);
  b.at([-1, 0.5, -2], 0.7, () => b.ball([0, 0, 0], [0.5, 0.2, 0.3], even));
  const world = bareWorld([{ mesh: b.build(), matrix: matrix() }], [0.3, 1.6, 1], [0, 0.5, -3]);
  const target = createTarget(WIDTH, HEIGHT);
  new Renderer(world, WIDTH, HEIGHT).render(0, target);
  const sphere = (from: Vec3, dir: Vec3, centre: Vec3, radii: Vec3, turn: number): number => {
    const [c, s] = [Math.cos(turn), Math.sin(turn)];
    // Into the unit sphere's frame: turn back about y, then divide by the half axes.
    const local = ([x, y, z]: Vec3): Vec3 => [(x * c - z * s) / radii[0], y / radii[1], (x * s + z * c) / radii[2]];
    const o = local(sub(from, centre));
    const d = local(dir);
    const [qa, qb, qc] = [dot(d, d), dot(o, d), dot(o, o) - 1];
    const disc = qb * qb - qa * qc;
    return disc < 0 ? Infinity : (-qb - Math.sqrt(disc)) / qa;
  };
  let hits = 0;
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) {
      const { from, dir } = rayOf(target, x, y);
      const floor = dir[1] < 0 ? -from[1] / dir[1] : Infinity;
      const onFloor = Math.max(Math.abs(from[0] + dir[0] * floor), Math.abs(from[2] + dir[2] * floor)) < 50;
      const ball = Math.min(
        sphere(from, dir, [0.2, 0.8, -3], [0.7, 0.7, 0.7], 0),
        sphere(from, dir, [-1, 0.5, -2], [0.5, 0.2, 0.3], 0.7),
      );
      const expected = Math.min(onFloor ? floor : Infinity, ball);
      if (ball < Infinity) hits++;
      const depth = target.depth[y * WIDTH + x]!;
      if (expected === Infinity) expect(depth).toBe(Infinity);
      else expect(Math.abs(depth / expected - 1)).toBeLessThan(1e-6);
    }
  expect(hits).toBeGreaterThan(1000);
}, 120_000);

/** Depth of what a ray meets, found by trying every polygon and ellipsoid; masked polygons listed apart. */
function castAll(instances: readonly Instance[], from: Vec3, dir: Vec3): { solid: number; masked: number[] } {
  let solid = Infinity;
  const masked: number[] = [];
  for (const { mesh, matrix: m } of instances) {
    const inverse = mat4.invert(matrix(), m)!;
    const turn = (p: Vec3, w: number): Vec3 => {
      const row = (k: number) =>
        inverse[k]! * p[0] + inverse[k + 4]! * p[1] + inverse[k + 8]! * p[2] + inverse[k + 12]! * w;
      return [row(0), row(1), row(2)];
    };
    const o = turn(from, 1);
    const d = turn(dir, 0);
    for (let p = 0; p < mesh.polygons; p++) {
      const corners: Vec3[] = [];
      for (let i = mesh.first[p]!; i < mesh.first[p + 1]!; i++)
        corners.push([mesh.vertices[i * 3]!, mesh.vertices[i * 3 + 1]!, mesh.vertices[i * 3 + 2]!]);
      const n = cross(sub(corners[1]!, corners[0]!), sub(corners[2]!, corners[0]!));
      const { masked: holes, sky } = mesh.materials[p]!;
      if (dot(n, d) >= 0 && !holes) continue;
      const t = dot(n, sub(corners[0]!, o)) / dot(n, d);
      if (!(t > 0.05)) continue;
      const at: Vec3 = [o[0] + d[0] * t, o[1] + d[1] * t, o[2] + d[2] * t];
      const inside = corners.every(
        (c, i) => dot(n, cross(sub(corners[(i + 1) % corners.length]!, c), sub(at, c))) >= 0,
      );
      if (!inside) continue;
      if (holes) masked.push(t);
      else if (t < solid) solid = sky ? Infinity : t;
    }
    for (const { shape } of mesh.balls) {
      const s = mat4.invert(matrix(), shape as unknown as mat4)!;
      const local = (p: Vec3, w: number): Vec3 => {
        const row = (k: number) => s[k]! * p[0] + s[k + 4]! * p[1] + s[k + 8]! * p[2] + s[k + 12]! * w;
        return [row(0), row(1), row(2)];
      };
      const [lo, ld] = [local(o, 1), local(d, 0)];
      const [qa, qb, qc] = [dot(ld, ld), dot(lo, ld), dot(lo, lo) - 1];
      const disc = qb * qb - qa * qc;
      const t = (-qb - Math.sqrt(disc)) / qa;
      if (disc >= 0 && t > 0.05 && t < solid) solid = t;
    }
  }
  return { solid, masked };
}

test.each(CATALOGUE.filter((entry) => entry.name !== 'cuts').map((entry) => [entry.name, entry] as const))(
  '%s: the depth of random pixels is that of a ray',
  (_, entry) => {
    const world = entry.build(1)[0]!;
    const target = createTarget(WIDTH, HEIGHT);
    new Renderer(world, WIDTH, HEIGHT).render(3.3, target);
    const random = new Random(7);
    for (let n = 0; n < 150; n++) {
      const [x, y] = [random.integer(WIDTH), random.integer(HEIGHT)];
      const { from, dir } = rayOf(target, x, y);
      const { solid, masked } = castAll(world.instances, from, dir);
      const depth = target.depth[y * WIDTH + x]!;
      const candidates = [solid, ...masked.filter((t) => t < solid)];
      const close = candidates.some((t) => t === depth || Math.abs(depth / t - 1) < 1e-6);
      expect(close, `pixel ${x},${y}: ${depth}, rays say ${candidates}`).toBe(true);
    }
  },
);
