import { expect, it } from 'vitest';
import { millimetreImage, valuesOf } from './messages.ts';

const VALUES = Float32Array.of(-2, 0, 2);

it('makes metres of anchored disparity; what lies beyond the farthest has no distance', () => {
  const out = new Float32Array(3);
  expect(valuesOf(VALUES, 'disparity', { scale: 0.25, shift: 0 }, out)).toEqual({ values: out, unit: 'metres' });
  expect([...out]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 2]);
});

it('scales metres, and leaves disparity without anchors as it is', () => {
  const out = new Float32Array(3);
  expect(valuesOf(VALUES, 'metres', { scale: 2, shift: 0 }, out)).toEqual({ values: out, unit: 'metres' });
  expect([...out]).toEqual([-4, 0, 4]);
  expect(valuesOf(VALUES, 'disparity', undefined, out)).toEqual({ values: VALUES, unit: 'disparity' });
});

it('makes millimetres, and zero of what they cannot hold', () => {
  const metres = Float32Array.of(0.5, 65.535, 65.5361, Number.POSITIVE_INFINITY, Number.NaN, -1);
  const { data, step } = millimetreImage({ stamp: { sec: 0, nsec: 0 }, frame_id: '' }, metres, 6, 1);
  expect([...new Uint16Array(data.buffer)]).toEqual([500, 65_535, 0, 0, 0, 0]);
  expect(step).toBe(12);
});
