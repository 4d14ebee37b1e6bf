import { describe, expect, it } from 'vitest';
import { DEFAULT_MATTE, type MatteSettings, withMatteChange } from '../protocol/matte.ts';
import { MatteFilter, type MatteInput, MatteSteadier, matteOf, matteRamps } from './matte.ts';

const SIZE = { width: 64, height: 48 };
const PIXELS = SIZE.width * SIZE.height;

/** A near thing before a far wall, with a slope between them at its edges, as networks draw them. */
function scene(shift = 0): Float32Array {
  const values = new Float32Array(PIXELS);
  for (let y = 0; y < SIZE.height; y++)
    for (let x = 0; x < SIZE.width; x++) {
      const inside = Math.min(x - 20 - shift, 44 + shift - x, y - 10);
      values[y * SIZE.width + x] = 0.2 + 0.6 * Math.max(0, Math.min(1, inside / 6 + 0.5));
    }
  return values;
}

/** Uniform noise with the standard deviation given, always the same. */
function noise(deviation: number): () => number {
  let state = 7;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * deviation * Math.sqrt(12);
  };
}

const input = (values: Float32Array, more: Partial<MatteInput> = {}): MatteInput => ({
  values,
  ...SIZE,
  unit: 'disparity',
  near: 1,
  far: 0,
  epoch: 0,
  ...more,
});
const settings = (change: Partial<MatteSettings>): MatteSettings => ({ ...DEFAULT_MATTE, ...change });

describe('distances of a matte', () => {
  it('are positions in the display range, whatever its ends are', () => {
    const ramps = matteRamps(settings({ near: 0.8, far: 0.4, soft: 0.2 }), { unit: 'disparity', near: 30, far: 10 })!;
    expect([0.29, 0.4, 0.51, 0.6, 0.8, 0.91].map((at) => matteOf(at, ramps))).toEqual(
      [0, 0.5, 1, 1, 0.5, 0].map((white) => expect.closeTo(white, 6)),
    );
  });

  it('have no end at the ends of the range', () => {
    const ramps = matteRamps(settings({ near: 1, far: 0 }), { unit: 'disparity', near: 1, far: 0 })!;
    expect([-0.5, 0, 1, 1.5].map((at) => matteOf(at, ramps))).toEqual([1, 1, 1, 1]);
  });

  it.each([
    ['of a network that gives metres', { unit: 'metres', near: 1, far: 10 } as const, (metres: number) => metres],
    [
      'of one with anchors',
      { unit: 'disparity', near: 5, far: 1, metric: { scale: 0.2, shift: 0, anchors: 3, variance: 0 } } as never,
      (metres: number) => 1 / metres / 0.2,
    ],
  ])('in metres, %s', (_name, map: Omit<MatteInput, 'values' | 'width' | 'height' | 'epoch'>, valueAt) => {
    const wanted = settings({ unit: 'metres', near: 2, far: 4, soft: 0.5 });
    const filter = new MatteFilter();
    const metres = [1, 1.7, 2, 3, 4, 4.3, 8];
    const values = Float32Array.from(metres, valueAt);
    const alpha = filter.update({ ...map, values, width: metres.length, height: 1, epoch: 0 }, wanted);
    expect([...alpha].map((white) => Math.round(2 * white) / 2)).toEqual([0, 0, 0.5, 1, 0.5, 0, 0]);
    expect(filter.measured).toBe(true);
  });

  it('in metres are not made up', () => {
    const filter = new MatteFilter();
    const wanted = settings({ unit: 'metres', near: 1, far: 3, soft: 0 });
    expect(Math.max(...filter.update(input(scene()), wanted))).toBe(0);
    expect(filter.measured).toBe(false);
  });

  it.each([
    [{ near: 0.4 }, 'greater than far'],
    [{ near: 2 }, 'between 0 and 1'],
    [{ unit: 'metres' as const }, 'are to come with'],
    [{ unit: 'metres' as const, near: 3, far: 2, soft: 0 }, 'less than far'],
  ])('that cannot be used together are told: %j', (change, sentence) => {
    expect(withMatteChange(DEFAULT_MATTE, change)).toContain(sentence);
  });
});

describe('mattes one after the other', () => {
  it.each([0.1, 0.02, 0])('hardly flicker under noise, with a ramp of %d', (soft) => {
    const random = noise(0.01);
    const still = scene();
    const wanted = settings({ far: 0.5, soft });
    const filter = new MatteFilter();
    let [ours, plain] = [0, 0];
    let last: { ours: Float32Array; plain: Float32Array } | undefined;
    for (let n = 0; n < 60; n++) {
      const map = input(still.map((value) => value + random()));
      const ramps = matteRamps(wanted, map)!;
      const now = { ours: filter.update(map, wanted).slice(), plain: map.values.map((at) => matteOf(at, ramps)) };
      if (last && n > 20)
        for (let i = 0; i < PIXELS; i++) {
          if (Math.abs(now.ours[i]! - last.ours[i]!) > 0.1) ours++;
          if (Math.abs(now.plain[i]! - last.plain[i]!) > 0.1) plain++;
        }
      last = now;
    }
    expect(plain).toBeGreaterThan(100);
    expect(ours).toBeLessThan(plain / 4);
  });

  it('follow at once what moves, other settings and another epoch', () => {
    const filter = new MatteFilter();
    const wanted = settings({ far: 0.5, soft: 0.1 });
    const fresh = (values: Float32Array, as = wanted) => new MatteFilter().update(input(values), as);
    for (let n = 0; n < 10; n++) filter.update(input(scene()), wanted);
    const off = (a: Float32Array, b: Float32Array) =>
      a.reduce((most, white, i) => Math.max(most, Math.abs(white - b[i]!)), 0);
    expect(off(filter.update(input(scene(8)), wanted), fresh(scene(8)))).toBeLessThan(0.15);
    const other = settings({ far: 0.3, soft: 0.1 });
    expect(off(filter.update(input(scene(8)), other), fresh(scene(8), other))).toBeLessThan(0.05);
    expect(off(filter.update(input(scene(), { epoch: 1 }), other), fresh(scene(), other))).toBe(0);
  });

  it('tell where they moved, and around it', () => {
    const filter = new MatteFilter();
    const wanted = settings({});
    const values = scene();
    for (let n = 0; n < 2; n++) filter.update(input(values), wanted);
    expect(filter.moving.includes(1)).toBe(false);
    values[20 * SIZE.width + 30] = 0;
    filter.update(input(values), wanted);
    const seen = [...filter.moving].flatMap((moving, i) =>
      moving ? [[i % SIZE.width, Math.floor(i / SIZE.width)]] : [],
    );
    expect(seen).toHaveLength(49);
    expect(seen[0]).toEqual([27, 17]);
    expect(seen.at(-1)).toEqual([33, 23]);
  });
});

it('an enlarged matte is held where its map is still, and let go where it moves', () => {
  const steadier = new MatteSteadier();
  const [from, to] = [
    { width: 2, height: 1 },
    { width: 4, height: 2 },
  ];
  steadier.steady(new Uint8Array(8).fill(100), to, Uint8Array.of(0, 0), from);
  const now = new Uint8Array(8).fill(200);
  steadier.steady(now, to, Uint8Array.of(0, 1), from);
  expect([...now]).toEqual([113, 113, 200, 200, 113, 113, 200, 200]);
  for (let n = 0; n < 60; n++) steadier.steady(now.fill(200), to, Uint8Array.of(0, 0), from);
  expect(Math.min(...now)).toBeGreaterThan(198);
});
