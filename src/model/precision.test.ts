import { expect, test } from 'vitest';
import { checkDepth, checkParity, parityError } from './precision.ts';

const ramp = Float32Array.from({ length: 1000 }, (_, i) => 1 + i / 1000);

test('accepts a map that varies', () => {
  expect(() => checkDepth(ramp)).not.toThrow();
  expect(() => checkDepth(ramp.map((v) => v * 1e-6))).not.toThrow();
});

test.each([
  ['zeros', new Float32Array(100)],
  ['one value', new Float32Array(100).fill(3)],
  ['one value and rounding', ramp.map((_, i) => 3 + (i % 2) * 1e-6)],
  ['a NaN', ramp.with(500, Number.NaN)],
  ['an infinity', ramp.with(500, Number.POSITIVE_INFINITY)],
  ['nothing', new Float32Array()],
])('refuses %s', (_, map) => {
  expect(() => checkDepth(map)).toThrow(expect.objectContaining({ code: 'BAD_OUTPUT' }));
});

test('parity: 0 for the same map, in units of its spread otherwise, NaN when a value is not a number', () => {
  expect(parityError(ramp, ramp)).toBe(0);
  expect(
    parityError(
      ramp.map((v) => v + 0.01),
      ramp,
    ),
  ).toBeCloseTo(0.01 * Math.sqrt(12), 4);
  expect(parityError(ramp.with(0, Number.NaN), ramp)).toBeNaN();
});

test.each([
  ['half of its spread', ramp.map((v) => 2 * v), ramp],
  ['another size', ramp.subarray(1), ramp],
  ['no numbers', ramp.with(3, Number.NaN), ramp],
])('refuses a map that differs by %s, and says by how much', (_, map, reference) => {
  expect(() => checkParity(map, reference, 'int8')).toThrow(
    expect.objectContaining({ code: 'BAD_OUTPUT', message: expect.stringMatching(/% .*allowed are 10 %/) }),
  );
  expect(checkParity(reference, reference, 'int8')).toBe(0);
});
