import { mat4 } from 'gl-matrix';
import { expect, test } from 'vitest';
import { DepthcastError } from '../errors.ts';
import { matrix } from './camera.ts';
import { createScene, createTarget, listScenes, type RenderTarget, type Scene } from './scene.ts';

const WIDTH = 96;
const HEIGHT = 72;

/** Building a scene takes about a second of an idle processor. */
const SLOW = 120_000;

/** FNV-1a over the bytes of colour and depth. */
function hash({ rgba, depth }: RenderTarget): string {
  let h = 0x811c9dc5;
  for (const bytes of [rgba, new Uint8Array(depth.buffer)])
    for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
  return (h >>> 0).toString(16).padStart(8, '0');
}

/** Frames at 1.7 s, seed 1. A change of these is a change of every picture that tests and users have seen. */
const FRAMES: Record<string, string> = {
  room: '213b2dbf',
  'room-static': 'd973ff11',
  static: '5f946c3f',
  street: '429b16d1',
  person: '7deee697',
  hall: 'fce10429',
  tabletop: '059dfdf7',
  cuts: '213b2dbf',
};

test.each(listScenes().map((s) => s.name))(
  '%s: the same input gives the same bytes',
  (name) => {
    const scene = createScene(name, { width: WIDTH, height: HEIGHT });
    const first = hash(scene.render(1.7));
    const target = createTarget(WIDTH, HEIGHT);
    scene.render(9.1, target);
    scene.render(1.7, target);
    expect(hash(target), 'after another moment').toBe(first);
    expect(first, 'as committed').toBe(FRAMES[name]);
    expect(target.rgba.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
    expect(target.depth.every((z) => z > 0)).toBe(true);
  },
  SLOW,
);

test(
  'another seed is another picture',
  () => {
    const picture = (seed: number) => hash(createScene('person', { width: WIDTH, height: HEIGHT, seed }).render(0));
    expect(new Set([picture(1), picture(2), picture(-3)]).size).toBe(3);
  },
  SLOW,
);

test(
  'a still scene does not change, a moving one does',
  () => {
    const frames = (scene: Scene) => [hash(scene.render(0)), hash(scene.renderFrame(7)), hash(scene.render(100))];
    expect(new Set(frames(createScene('static', { width: 64, height: 48 }))).size).toBe(1);
    expect(new Set(frames(createScene('person', { width: 64, height: 48 }))).size).toBe(3);
  },
  SLOW,
);

/** What share of pixels of frame a is seen in frame b where depth, poses and intrinsics say, at the depth they say. */
function agreement(a: RenderTarget, b: RenderTarget): { seen: number; agree: number } {
  const between = mat4.multiply(matrix(), mat4.invert(matrix(), b.pose)!, a.pose);
  let seen = 0;
  let agree = 0;
  for (let y = 0; y < a.height; y += 2)
    for (let x = 0; x < a.width; x += 2) {
      const z = a.depth[y * a.width + x]!;
      if (z === Number.POSITIVE_INFINITY) continue;
      const k = a.intrinsics;
      const p = [((x - k.cx) / k.fx) * z, ((y - k.cy) / k.fy) * z, z, 1] as const;
      const row = (r: number) => p.reduce((sum, value, c) => sum + between[c * 4 + r]! * value, 0);
      const depth = row(2);
      const u = Math.round((row(0) / depth) * b.intrinsics.fx + b.intrinsics.cx);
      const v = Math.round((row(1) / depth) * b.intrinsics.fy + b.intrinsics.cy);
      if (depth <= 0.1 || u < 1 || v < 1 || u >= b.width - 1 || v >= b.height - 1) continue;
      seen++;
      // Within the depths of the pixel and its neighbours: the point falls between pixel centres.
      const around = [-1, 0, 1].flatMap((dv) => [-1, 0, 1].map((du) => b.depth[(v + dv) * b.width + u + du]!));
      if (depth > Math.min(...around) * 0.995 && depth < Math.max(...around) * 1.005) agree++;
    }
  return { seen, agree };
}

test.each(['room', 'hall', 'tabletop'])(
  '%s: depth, pose and intrinsics fit together',
  (name) => {
    const scene = createScene(name, { width: 320, height: 240 });
    expect([scene.still, scene.tripod]).toEqual([true, false]);
    const a = scene.render(2, createTarget(320, 240));
    const b = scene.render(2.4, createTarget(320, 240));
    expect(hash(a)).not.toBe(hash(b));
    const { seen, agree } = agreement(a, b);
    expect(seen).toBeGreaterThan(10_000);
    // The rest is hidden in the second frame by something nearer.
    expect(agree / seen).toBeGreaterThan(0.95);
    // With the wrong pose it must not fit.
    const wrong = { ...b, pose: a.pose };
    expect(agreement(a, wrong).agree / agreement(a, wrong).seen).toBeLessThan(agree / seen - 0.05);
  },
  SLOW,
);

test(
  'cuts come every four seconds and nowhere else',
  () => {
    const scene = createScene('cuts', { width: 64, height: 48 });
    expect(scene.cutTimes(12.5)).toEqual([4, 8, 12]);
    expect(createScene('person', { width: 64, height: 48 }).cutTimes(60)).toEqual([]);
    const difference = (t0: number, t1: number) => {
      const a = scene.render(t0, createTarget(64, 48)).rgba;
      const b = scene.render(t1, createTarget(64, 48)).rgba;
      return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
    };
    for (const cut of scene.cutTimes(12)) {
      const across = difference(cut - 1 / 30, cut);
      expect(across).toBeGreaterThan(5 * difference(cut - 2 / 30, cut - 1 / 30));
      expect(across).toBeGreaterThan(5 * difference(cut, cut + 1 / 30));
    }
  },
  SLOW,
);

test(
  'portrait, odd and large sizes are drawn whole',
  () => {
    for (const [width, height] of [
      [48, 96],
      [97, 51],
      [1280, 720],
    ] as const) {
      const { rgba, depth, intrinsics } = createScene('static', { width, height }).render(0);
      expect([rgba.length, depth.length]).toEqual([width * height * 4, width * height]);
      expect(intrinsics.cx).toBe((width - 1) / 2);
      expect(intrinsics.fx).toBe(intrinsics.fy);
      expect(depth.every((z) => z > 0.05 && z < 40)).toBe(true);
    }
  },
  SLOW,
);

test('bad input has a coded error', () => {
  const code = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      return error instanceof DepthcastError ? error.code : `${error}`;
    }
    return 'none';
  };
  const size = { width: 32, height: 32 };
  expect(code(() => createScene('moon', size))).toBe('UNKNOWN_SCENE');
  for (const width of [0, 15, 4097, 32.5, Number.NaN])
    expect(code(() => createScene('static', { width, height: 32 }))).toBe('BAD_OPTION');
  for (const fps of [0, -1, 1001, Number.NaN])
    expect(code(() => createScene('static', { ...size, fps }))).toBe('BAD_OPTION');
  expect(code(() => createScene('static', { ...size, seed: 1.5 }))).toBe('BAD_OPTION');
  const scene = createScene('static', size);
  expect(code(() => scene.render(Number.NaN))).toBe('BAD_OPTION');
  expect(code(() => scene.render(0, createTarget(32, 33)))).toBe('BAD_OPTION');
  expect(code(() => scene.render(-3))).toBe('none');
});
