import { describe, expect, it } from 'vitest';
import type { DepthFrame } from '../../src/protocol/index.ts';
import { assumeMetres, toMetres } from '../sdk/metres.ts';
import { coverRegion, DepthInformation } from './index.ts';

const frame = (unit: DepthFrame['unit'], values: number[]): DepthFrame => ({
  frameId: 0,
  epoch: 0,
  rtpTimestamp: 0,
  width: 4,
  height: 2,
  sourceWidth: 8,
  sourceHeight: 4,
  unit,
  intrinsics: { fx: 6, fy: 6, cx: 3.5, cy: 1.5, source: 'assumed' },
  near: 10,
  far: 0,
  format: 'f16',
  values: Float32Array.from(values),
});
const metric = frame('metres', [1, 2, 3, 4, 5, 6, 7, 8]);

describe('DepthInformation', () => {
  it('reads metres at places of the view', () => {
    const info = new DepthInformation(metric);
    expect([0, 0.24, 0.26, 0.99, 1].map((x) => info.getDepthInMeters(x, 0))).toEqual([1, 1, 2, 4, 4]);
    expect(info.getDepthInMeters(0.5, 1)).toBe(7);
    expect([...new Float32Array(info.data)]).toEqual([...metric.values]);
    expect(() => info.getDepthInMeters(1.01, 0)).toThrow(RangeError);
    expect(() => info.getDepthInMeters(Number.NaN, 0)).toThrow(RangeError);
  });

  it('knows what a view of another shape shows', () => {
    // A square view of a picture of 2:1 shows its middle half.
    const square = new DepthInformation(metric, { view: coverRegion(2, 1) });
    expect([0, 0.99].map((x) => square.getDepthInMeters(x, 0))).toEqual([2, 3]);
    const mirrored = new DepthInformation(metric, { view: coverRegion(2, 1, true) });
    expect([0.01, 0.99].map((x) => mirrored.getDepthInMeters(x, 0))).toEqual([3, 2]);
    expect(coverRegion(1, 2)).toMatchObject({ width: 1, height: 0.5, y: 0.25 });
  });

  it('makes metres of relative depth with a scale, and refuses without', () => {
    const relative = frame('disparity', [10, 5, 0, -5, Number.NaN, 10, 10, 10]);
    expect(() => new DepthInformation(relative)).toThrow(expect.objectContaining({ code: 'NO_METRES' }));
    const scale = assumeMetres(relative, 0.5, 4);
    const metres = toMetres(relative, scale);
    expect(metres[0]).toBeCloseTo(0.5);
    expect(metres[1]).toBeCloseTo(1 / ((2 + 0.25) / 2));
    expect(metres[2]).toBeCloseTo(4);
    // Beyond infinity, and no value.
    expect([metres[3], metres[4]]).toEqual([0, 0]);
    expect(new DepthInformation(relative, { scale }).getDepthInMeters(0, 0)).toBeCloseTo(0.5);
    expect(() => assumeMetres(relative, 4, 0.5)).toThrow(RangeError);
  });
});
