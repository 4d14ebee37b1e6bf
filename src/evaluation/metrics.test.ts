import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  alignClip,
  benchmarkProtocol,
  type Judged,
  type Protocol,
  ScaleShiftFit,
  toDepth,
  validMask,
} from './align.ts';
import { clipErrors, type DepthErrors, depthErrors, spearman } from './metrics.ts';
import { flicker, temporalError } from './temporal.ts';

// Numbers that numpy computed on its own: test/vectors/eval/make.py.
const folder = new URL('../../test/vectors/eval/', import.meta.url);

interface Expected {
  frames: number;
  width: number;
  height: number;
  maxDepth: number;
  intrinsics: { fx: number; fy: number; cx: number; cy: number };
  poses: number[][];
  valid: number[];
  fits: Record<'frame' | 'clip' | 'first', [number, number][]>;
  errors: Record<'frame' | 'clip' | 'first', DepthErrors>;
  clipErrorsWithoutFloor: DepthErrors;
  clipErrorsFloor2: DepthErrors;
  spearman: number[];
  tae: number;
  taeMasked: number;
  flicker: number;
  flickerMasked: number;
}

const expected: Expected = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8'));
const { width, height } = expected;
const protocol = benchmarkProtocol(expected.maxDepth);

const clip: Judged[] = (() => {
  const bytes = readFileSync(new URL('clip.bin', folder));
  const maps = Array.from({ length: expected.frames * 2 }, (_, n) =>
    Float32Array.from({ length: width * height }, (_, i) => bytes.readFloatLE((n * width * height + i) * 4)),
  );
  return Array.from({ length: expected.frames }, (_, n) => ({ depth: maps[2 * n]!, prediction: maps[2 * n + 1]! }));
})();

function expectClose(actual: DepthErrors | undefined, wanted: DepthErrors): void {
  for (const key of ['absRel', 'rmse', 'delta1', 'delta2', 'delta3'] as const)
    expect(actual?.[key], key).toBeCloseTo(wanted[key], 6);
}

test('masks leave out missing, infinite and far depth', () => {
  expect(clip.map(({ depth }) => validMask(depth, protocol).reduce((a, b) => a + b, 0))).toEqual(expected.valid);
  const odd = Float32Array.from([Number.NaN, Number.POSITIVE_INFINITY, 0, -1, 9e-4, 10, 0.5]);
  expect([...validMask(odd, protocol)]).toEqual([0, 0, 0, 0, 0, 0, 1]);
});

test.each(['frame', 'clip', 'first'] as const)('alignment by %s is that of numpy', (by) => {
  alignClip(clip, by, protocol).forEach(({ scale, shift }, n) => {
    expect(scale).toBeCloseTo(expected.fits[by][n]![0], 9);
    expect(shift).toBeCloseTo(expected.fits[by][n]![1], 9);
  });
  expectClose(clipErrors(clip, by, protocol), expected.errors[by]);
});

test('the floor on predictions is part of the protocol', () => {
  expectClose(clipErrors(clip, 'clip', { ...protocol, predictionFloor: -Infinity }), expected.clipErrorsWithoutFloor);
  expectClose(clipErrors(clip, 'clip', { ...protocol, predictionFloor: 2 }), expected.clipErrorsFloor2);
});

test('a perfect prediction of any scale and shift has no error', () => {
  const free: Protocol = { ...protocol, predictionFloor: -Infinity };
  const depth = Float32Array.from({ length: 500 }, (_, i) => 0.3 + (i % 97) / 11);
  const prediction = depth.map((z) => -40 + 7 / z);
  const errors = clipErrors([{ prediction, depth }], 'frame', free);
  expect(errors?.absRel).toBeLessThan(1e-4);
  expect(errors?.delta1).toBe(1);
});

test('fits without information are defined, and depth keeps to its range', () => {
  expect(new ScaleShiftFit().solve()).toEqual({ scale: 0, shift: 0 });
  const depth = Float32Array.from([1, 2, 4]);
  const mask = validMask(depth, protocol);
  const flat = new ScaleShiftFit().add(new Float32Array(3).fill(5), depth, mask, protocol).solve();
  expect(flat.scale).toBe(0);
  expect(flat.shift).toBeCloseTo((1 + 0.5 + 0.25) / 3, 6);
  expect(
    [...toDepth(Float32Array.from([-5, 0, 1e9]), { scale: 1, shift: 0 }, protocol)].map((z) => +z.toFixed(6)),
  ).toEqual([10, 10, 0.001]);
  expect(depthErrors(depth, depth, new Uint8Array(3))).toBeUndefined();
  expect(clipErrors([{ prediction: depth, depth: new Float32Array(3) }], 'clip', protocol)).toBeUndefined();
  expect(clipErrors([], 'first', protocol)).toBeUndefined();
});

test('rank correlation is that of numpy, ties included', () => {
  clip.forEach(({ prediction, depth }, n) => {
    const mask = validMask(depth, protocol);
    const disparity = depth.map((z) => 1 / z);
    expect(spearman(prediction, disparity, mask)).toBeCloseTo(expected.spearman[n]!, 9);
    expect(spearman(prediction, disparity, mask, 400)).toBeCloseTo(expected.spearman[n]!, 1);
    expect(
      spearman(
        disparity,
        disparity.map((d) => -(d ** 3)),
        mask,
      ),
    ).toBeCloseTo(-1, 9);
  });
  expect(spearman(new Float32Array(4), new Float32Array(4), new Uint8Array(4).fill(1))).toBeNaN();
});

test('the temporal error is that of numpy', () => {
  const fits = alignClip(clip, 'clip', protocol);
  const posed = clip.map(({ prediction }, n) => ({
    depth: toDepth(prediction, fits[n]!, protocol),
    pose: expected.poses[n]!,
    intrinsics: expected.intrinsics,
  }));
  expect(temporalError(posed, width, height)).toBeCloseTo(expected.tae, 4);
  const masked = posed.map((frame, n) => ({ ...frame, mask: validMask(clip[n]!.depth, protocol) }));
  expect(temporalError(masked, width, height)).toBeCloseTo(expected.taeMasked, 4);
  expect(temporalError(posed.slice(0, 1), width, height)).toBe(0);
});

test('flicker is that of numpy, and nothing where nothing changes', () => {
  const maps = clip.map(({ prediction }) => prediction);
  expect(flicker(maps)).toBeCloseTo(expected.flicker, 7);
  expect(flicker(maps, validMask(clip[0]!.depth, protocol))).toBeCloseTo(expected.flickerMasked, 7);
  expect(flicker([maps[0]!, maps[0]!, maps[0]!])).toBe(0);
  expect(flicker([maps[0]!])).toBe(0);
  expect(flicker([])).toBe(0);
});
