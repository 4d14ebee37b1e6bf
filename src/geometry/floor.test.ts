import { expect, test } from 'vitest';
import { floorAnchor, unproject } from './index.ts';

const size = { width: 640, height: 480 };
const camera = { fx: 500, fy: 500, cx: 319.5, cy: 239.5, source: 'given' } as const;

test.each([0, 10, 35, -5])('a place on the floor is as far as its ray goes, at a pitch of %s degrees', (pitch) => {
  const { x, y, metres } = floorAnchor(camera, size, { x: 0.3, y: 0.95, height: 1.4, pitch });
  const [, down, forward] = unproject(camera, x * 640 - 0.5, y * 480 - 0.5, metres, 'ros');
  const angle = (pitch * Math.PI) / 180;
  expect(down * Math.cos(angle) + forward * Math.sin(angle)).toBeCloseTo(1.4, 9);
});

test('it is less sure the nearer the horizon is, and refused there', () => {
  const at = (y: number) => floorAnchor(camera, size, { x: 0.5, y, height: 1.4 });
  expect(at(0.6).error).toBeGreaterThan(2 * at(0.9).error!);
  expect(() => at(0.5)).toThrow('horizon');
  expect(() => at(0.2)).toThrow(RangeError);
});
