import { expect, test } from 'vitest';
import {
  type MetricFrame,
  metresError,
  normals,
  pointCloud,
  toGlb,
  toPly,
  triangles,
  unproject,
  validity,
} from './index.ts';

const intrinsics = { fx: 100, fy: 100, cx: 63.5, cy: 47.5, source: 'given' } as const;
const [width, height] = [64, 48];

function frame(depth: (x: number, y: number) => number): MetricFrame {
  const values = Float32Array.from({ length: width * height }, (_, i) => depth(i % width, Math.floor(i / width)));
  return { width, height, sourceWidth: 128, sourceHeight: 96, values, unit: 'metres', intrinsics };
}
const wall = frame(() => 2);
const step = frame((x) => (x < 32 ? 2 : 4));

test('unproject: right-handed, -z forward, or the optical frame of ROS', () => {
  expect(unproject(intrinsics, 163.5, 47.5, 2)).toEqual([2, -0, -2]);
  expect(unproject(intrinsics, 63.5, 147.5, 2)).toEqual([0, -2, -2]);
  expect(unproject(intrinsics, 63.5, 147.5, 2, 'ros')).toEqual([0, 2, 2]);
});

test('a cloud has its points where the pixels look, with the colours of the picture', () => {
  const rgba = { width: 2, height: 1, data: Uint8Array.of(255, 0, 0, 255, 0, 0, 255, 255) };
  const { positions, colours, count } = pointCloud(wall, rgba);
  expect(count).toBe(width * height);
  // The first pixel's centre lies at (0.5, 0.5) of the picture.
  expect([...positions.slice(0, 3)].map((v) => Math.round(v * 1e4) / 1e4)).toEqual([-1.26, 0.94, -2]);
  expect([...colours!.slice(0, 3), ...colours!.slice(-3)]).toEqual([255, 0, 0, 0, 0, 255]);
});

test('no point flies between two surfaces, and a floor at a small angle stays', () => {
  expect(validity(step).reduce((sum, one) => sum + one, 0)).toBe((width - 2) * height);
  const { positions } = pointCloud(step);
  const depths = new Set(positions.filter((_, i) => i % 3 === 2));
  expect([...depths].sort()).toEqual([-2, -4]);
  // Blurred edges, as networks give them, are left out as a whole.
  const blurred = frame((x) => 2 + 2 / (1 + Math.exp(-(x - 32))));
  const flying = pointCloud(blurred).positions.filter((z, i) => i % 3 === 2 && z < -2.4 && z > -3.4);
  expect(flying.length).toBeLessThanOrEqual(height);
  // From 1.5 m above it, up to 30 m.
  const floor = frame((_, y) => (y > 26 ? 150 / ((y - 23.5) * 2) : Number.POSITIVE_INFINITY));
  expect(pointCloud(floor).count).toBeGreaterThan(width * 18);
});

test('what has no distance is no point, and relative depth none at all', () => {
  const holes = frame((x) => (x === 5 ? Number.NaN : x === 9 ? Number.POSITIVE_INFINITY : x > 40 ? 200 : 3));
  const { pixels } = pointCloud(holes);
  expect(pixels.every((pixel) => ![5, 9].includes(pixel % width) && pixel % width <= 40)).toBe(true);
  expect(() => pointCloud({ ...wall, unit: 'disparity' })).toThrow('anchors');
});

test('normals of a wall look at the camera', () => {
  const n = normals(wall);
  const at = 3 * (24 * width + 32);
  expect([n[at], n[at + 1], n[at + 2]].map((v) => Math.round(v!) + 0)).toEqual([0, 0, 1]);
  const ros = normals(wall, { axes: 'ros' });
  expect(Math.round(ros[at + 2]!)).toBe(-1);
  expect(n[0]).toBe(0);
});

test('a mesh has no triangle over the step, and winds towards the camera', () => {
  const cloud = pointCloud(step);
  const indices = triangles(cloud, step);
  const z = (index: number) => cloud.positions[3 * index + 2]!;
  for (let i = 0; i < indices.length; i += 3) expect(z(indices[i]!)).toBe(z(indices[i + 2]!));
  const [a, b, c] = [0, 1, 2].map((k) => cloud.positions.subarray(3 * indices[k]!, 3 * indices[k]! + 3));
  const cross = (b![0]! - a![0]!) * (c![1]! - a![1]!) - (b![1]! - a![1]!) * (c![0]! - a![0]!);
  expect(cross).toBeGreaterThan(0);
});

test('PLY and glTF hold every point', () => {
  const cloud = pointCloud(wall, { width: 1, height: 1, data: Uint8Array.of(255, 128, 0, 255) });
  const ply = toPly(cloud, 'two\nlines');
  const text = new TextDecoder('latin1').decode(ply);
  const end = text.indexOf('end_header\n') + 11;
  expect(text.slice(0, end)).toContain('comment two lines\nelement vertex 3072\n');
  expect(ply.length - end).toBe(3072 * 15);
  const glb = toGlb(cloud, triangles(cloud, wall));
  const view = new DataView(glb.buffer);
  expect([view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)]).toEqual([
    0x46546c67,
    2,
    glb.length,
  ]);
  const json = JSON.parse(new TextDecoder().decode(glb.subarray(20, 20 + view.getUint32(12, true))));
  expect(json.accessors[0]).toMatchObject({ count: 3072, type: 'VEC3' });
  expect(json.accessors[2].count).toBe(63 * 47 * 6);
  expect(() => toGlb(pointCloud(frame(() => Number.NaN)))).toThrow(RangeError);
});

test('an error without anchors is 0', () => {
  expect(metresError({}, 3)).toBe(0);
});
