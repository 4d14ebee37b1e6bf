import { describe, expect, it } from 'vitest';
import { BitrateEstimator } from './bitrate.ts';

const LIMITS = { min: 100_000, max: 4_000_000, start: 1_000_000 };

/** Reports once a second about a stream of 100 packets a second with this loss. */
function run(estimator: BitrateEstimator, loss: number, seconds: number, from = 0): number {
  for (let s = 0; s <= seconds; s++) {
    const sent = 100 * (from + s);
    estimator.noteReport(sent, Math.round(sent * loss), 1000 * (from + s));
  }
  return estimator.target(1000 * (from + seconds));
}

describe('the bitrate estimator', () => {
  it('grows by 8 % a second without loss, up to its maximum', () => {
    expect(run(new BitrateEstimator(LIMITS), 0, 5)).toBeCloseTo(1_000_000 * 1.08 ** 5, -1);
    expect(run(new BitrateEstimator(LIMITS), 0, 100)).toBe(LIMITS.max);
  });

  it('stays where 2 to 10 % are lost', () => {
    expect(run(new BitrateEstimator(LIMITS), 0.05, 20)).toBe(LIMITS.start);
  });

  it('is cut by half the loss, down to its minimum', () => {
    expect(run(new BitrateEstimator(LIMITS), 0.2, 1)).toBe(900_000);
    expect(run(new BitrateEstimator(LIMITS), 0.4, 60)).toBe(LIMITS.min);
  });

  it('cuts once for one burst of reports', () => {
    const estimator = new BitrateEstimator(LIMITS);
    estimator.noteReport(0, 0, 0);
    for (let i = 1; i <= 5; i++) estimator.noteReport(100 * i, 50 * i, 1000 + i);
    expect(estimator.target(1010)).toBe(750_000);
  });

  it('draws no conclusion from a handful of packets', () => {
    const estimator = new BitrateEstimator(LIMITS);
    estimator.noteReport(0, 0, 0);
    estimator.noteReport(5, 1, 200);
    estimator.noteReport(10, 2, 400);
    expect(estimator.target(400)).toBe(LIMITS.start);
    // Taken together with what follows it is 3 of 300.
    estimator.noteReport(300, 3, 1000);
    expect(estimator.target(1000)).toBeGreaterThan(LIMITS.start);
  });

  it("never exceeds the receiver's estimate while that is fresh", () => {
    const estimator = new BitrateEstimator(LIMITS);
    estimator.noteRemb(300_000, 0);
    expect(estimator.target(5000)).toBe(300_000);
    estimator.noteRemb(20_000, 6000);
    expect(estimator.target(6000)).toBe(LIMITS.min);
    expect(estimator.target(60_000)).toBe(LIMITS.start);
  });

  it('ignores reports that go backwards', () => {
    const estimator = new BitrateEstimator(LIMITS);
    estimator.noteReport(5000, 900, 0);
    estimator.noteReport(10, 0, 1000);
    expect(estimator.target(1000)).toBe(LIMITS.start);
  });
});
