import type { DepthFrame } from 'depthcast-client';
import { describe, expect, it } from 'vitest';
import { formatValue, nearness, paint, sample, valueAt } from './depth-picture.ts';

const ramp = Uint32Array.from({ length: 256 }, (_, i) => i + 1);
const disparity = { unit: 'disparity', near: 4, far: -1 } as const;
const metres = { unit: 'metres', near: 0.5, far: 10 } as const;

function frame(values: number[], width: number, range: typeof disparity | typeof metres): DepthFrame {
  const height = values.length / width;
  const intrinsics = { fx: 500, fy: 500, cx: 319.5, cy: 239.5, source: 'assumed' } as const;
  const info = { frameId: 0, epoch: 0, rtpTimestamp: 0, sourceWidth: 640, sourceHeight: 480, intrinsics };
  return { ...info, ...range, width, height, format: 'f16', values: Float32Array.from(values) };
}

describe('depth picture', () => {
  it('places values between far and near, in disparity also for metres', () => {
    expect(nearness(4, disparity)).toBe(1);
    expect(nearness(-1, disparity)).toBe(0);
    expect(nearness(1.5, disparity)).toBeCloseTo(0.5);
    expect(nearness(99, disparity)).toBe(1);
    expect(nearness(0.5, metres)).toBeCloseTo(1);
    expect(nearness(10, metres)).toBeCloseTo(0);
    // Half the disparity between 1/10 and 1/0.5.
    expect(nearness(1 / 1.05, metres)).toBeCloseTo(0.5);
    expect(nearness(Number.NaN, metres)).toBeNaN();
  });

  it.each([disparity, metres])('valueAt undoes nearness ($unit)', (range) => {
    for (const t of [0, 0.2, 0.5, 1]) expect(nearness(valueAt(t, range), range)).toBeCloseTo(t);
  });

  it.each([disparity, metres])('paints what nearness says ($unit)', (range) => {
    const values = Array.from({ length: 100 }, (_, i) => valueAt(i / 99, range));
    const pixels = new Uint32Array(100);
    paint(frame(values, 10, range), ramp, pixels);
    values.forEach((value, i) => {
      expect(Math.abs(pixels[i]! - 1 - 255 * nearness(value, range))).toBeLessThanOrEqual(0.51);
    });
  });

  it('leaves pixels without a value transparent and clamps the rest', () => {
    const pixels = new Uint32Array(4).fill(7);
    paint(frame([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e9], 2, disparity), ramp, pixels);
    expect([...pixels]).toEqual([0, 256, 1, 256]);
  });

  it('samples the pixel under a point', () => {
    const f = frame([1, 2, 3, 4, 5, 6], 3, disparity);
    expect(sample(f, 0, 0)).toBe(1);
    expect(sample(f, 0.5, 0.2)).toBe(2);
    expect(sample(f, 1, 1)).toBe(6);
    expect(sample(f, 1.01, 0)).toBeUndefined();
    expect(sample({ ...f, values: new Float32Array(0) }, 0.5, 0.5)).toBeUndefined();
  });

  it('writes values for people', () => {
    expect(formatValue(2.4137, 'metres')).toBe('2.41 m');
    expect(formatValue(-0.4483, 'disparity')).toBe('−0.448');
    expect(formatValue(123.4, 'disparity')).toBe('123');
    expect(formatValue(Number.NaN, 'metres')).toBe('–');
  });
});
