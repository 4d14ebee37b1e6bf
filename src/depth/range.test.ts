import { describe, expect, it } from 'vitest';
import { displayRange, ExtremesReader, RangeTracker } from './range.ts';

const ramp = (n: number, from: number, to: number) =>
  Float32Array.from({ length: n }, (_, i) => from + ((to - from) * i) / (n - 1));

/** Deterministic noise in [-1, 1). */
function noise(seed: number): () => number {
  let x = seed;
  return () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x / 2 ** 31 - 1;
  };
}

describe('ExtremesReader', () => {
  it('finds the 2 % and 98 % quantiles to within a bin', () => {
    const { min, max, low, high, finite } = new ExtremesReader().read(ramp(40_000, -3, 7));
    expect(finite).toBe(true);
    expect(min).toBeCloseTo(-3, 3);
    expect(max).toBeCloseTo(7, 3);
    expect(Math.abs(low - -2.8)).toBeLessThan(0.03);
    expect(Math.abs(high - 6.8)).toBeLessThan(0.03);
  });

  it('is not moved by a few wild values', () => {
    const values = ramp(10_000, 0, 1);
    values[17] = 1e3;
    values[5000] = -1e3;
    const { low, high } = new ExtremesReader().read(values);
    // One bin of the 2000-wide histogram is 4 wide: robust ends stay inside it instead of following to 1e3.
    expect(Math.abs(low)).toBeLessThan(8);
    expect(Math.abs(high)).toBeLessThan(8);
  });

  it('sees values that are not finite, and flat maps', () => {
    const reader = new ExtremesReader();
    expect(reader.read(Float32Array.of(1, Number.NaN, 2)).finite).toBe(false);
    expect(reader.read(Float32Array.of(1, Number.POSITIVE_INFINITY, 2)).finite).toBe(false);
    expect(reader.read(new Float32Array(100).fill(3))).toMatchObject({ finite: true, low: 3, high: 3 });
    expect(reader.read(Float32Array.of(1, Number.NEGATIVE_INFINITY, 2))).toMatchObject({ finite: false, high: 2 });
  });
});

describe('RangeTracker', () => {
  const at = (low: number, high: number) => ({ min: low, max: high, low, high });

  it('stands still on a static scene with noise: no pumping', () => {
    const tracker = new RangeTracker();
    const random = noise(1);
    const seen: number[] = [];
    for (let f = 0; f < 300; f++) {
      const { low, high } = tracker.update(at(0.01 * random(), 1 + 0.01 * random()), 1 / 30);
      if (f > 45) seen.push(low, high - 1);
    }
    expect(Math.max(...seen) - Math.min(...seen)).toBeLessThan(0.021);
    const steps = seen.slice(2).map((v, i) => Math.abs(v - seen[i]!));
    expect(Math.max(...steps)).toBeLessThan(0.001);
  });

  it('moves smoothly to a changed scene, and gets there', () => {
    const tracker = new RangeTracker();
    for (let f = 0; f < 60; f++) tracker.update(at(0, 1), 1 / 30);
    let last = 1;
    let largest = 0;
    for (let f = 0; f < 240; f++) {
      const { high } = tracker.update(at(0, 3), 1 / 30);
      largest = Math.max(largest, high - last);
      expect(high).toBeGreaterThanOrEqual(last);
      last = high;
    }
    expect(last).toBeGreaterThan(2.8);
    // At most MAX_RATE spans a second.
    expect(largest).toBeLessThanOrEqual((3 * 1.5) / 30 + 1e-9);
  });

  it('goes its share of the way, and no faster than 1.5 spans a second', () => {
    const settled = () => {
      const tracker = new RangeTracker();
      for (let f = 0; f < 60; f++) tracker.update(at(0, 1), 1 / 30);
      return tracker;
    };
    const share = 1 - Math.exp(-1 / 30 / 1.2);
    // Beyond the dead band of 4 % of the span.
    expect(settled().update(at(0, 1.2), 1 / 30).high).toBeCloseTo(1 + (0.2 - 0.04) * share, 9);
    expect(settled().update(at(-0.2, 1), 1 / 30).low).toBeCloseTo(-(0.2 - 0.04) * share, 9);
    expect(settled().update(at(0, 9), 1 / 30).high).toBeCloseTo(1 + 1.5 / 30, 9);
    expect(settled().update(at(-9, 1), 1 / 30).low).toBeCloseTo(-1.5 / 30, 9);
    // While the memory fills: a quarter of a second, four times the rate, no dead band.
    const young = new RangeTracker();
    young.update(at(0, 1), 1 / 30);
    expect(young.update(at(0, 1.1), 1 / 30).high).toBeCloseTo(1 + 0.1 * (1 - Math.exp(-1 / 30 / 0.25)), 9);
  });

  it('goes on from a state that was kept', () => {
    const [tracker, later] = [new RangeTracker(), new RangeTracker()];
    for (let f = 0; f < 10; f++) tracker.update(at(0, 1 + f / 10), 1 / 30);
    later.restore(tracker.state);
    expect(later.update(at(-1, 2), 1 / 30)).toEqual(tracker.update(at(-1, 2), 1 / 30));
  });

  it('takes the first frame after a reset as it is, and never returns an empty range', () => {
    const tracker = new RangeTracker();
    tracker.update(at(0, 1), 0);
    tracker.reset();
    expect(tracker.update(at(10, 20), 1 / 30)).toEqual({ low: 10, high: 20 });
    tracker.reset();
    const flat = tracker.update(at(5, 5), 0);
    expect(flat.high).toBeGreaterThan(flat.low);
  });
});

it('orders near and far by the unit', () => {
  expect(displayRange({ low: 1, high: 2 }, 'disparity')).toEqual({ near: 2, far: 1 });
  expect(displayRange({ low: 1, high: 2 }, 'metres')).toEqual({ near: 1, far: 2 });
});
