import { expect, it } from 'vitest';
import type { LiveDepth } from '../../stream/live-depth.ts';
import { valuesOf } from './ros-messages.ts';

const depth = (unit: 'disparity' | 'metres', metric?: { scale: number; shift: number }) =>
  ({ map: { values: Float32Array.of(-2, 0, 2) }, info: { unit }, metric }) as unknown as LiveDepth;

it('makes metres of anchored disparity; what lies beyond the farthest has no distance', () => {
  const out = new Float32Array(3);
  expect(valuesOf(depth('disparity', { scale: 0.25, shift: 0 }), out)).toBe('metres');
  expect([...out]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 2]);
});

it('scales metres, and leaves disparity without anchors as it is', () => {
  const out = new Float32Array(3);
  expect(valuesOf(depth('metres', { scale: 2, shift: 0 }), out)).toBe('metres');
  expect([...out]).toEqual([-4, 0, 4]);
  expect(valuesOf(depth('disparity'), out)).toBe('disparity');
  expect([...out]).toEqual([-2, 0, 2]);
});
