import { describe, expect, it } from 'vitest';
import { StreamRate } from './stream-rate.ts';

/** As the server does: live for so long (ms) after each depth map. */
const LIVE_MS = 3000;

/** What is said at looks 3 s apart of a stream with a frame every `interval` ms up to `until`. */
function looks(
  interval: number,
  {
    to = 60_000,
    until,
    phase = 0,
    rate = new StreamRate(),
  }: { to?: number; until?: number; phase?: number; rate?: StreamRate } = {},
) {
  return Array.from({ length: to / 3000 }, (_, i) => {
    const now = 3000 * i + phase;
    const at = Math.min(now, until ?? to);
    const idle = now - (at - (at % interval));
    return rate.take(idle < LIVE_MS, Math.floor(at / interval), now);
  });
}

describe('the rate of a stream in the list', () => {
  it('is known after seconds, and is that at which frames come', () => {
    for (const interval of [40, 100, 250, 1000, 2500]) {
      const said = looks(interval);
      expect(said.slice(0, 2)).toEqual([undefined, undefined]);
      expect(said.slice(8).every((rate) => Math.abs(rate! - 1000 / interval) <= 1000 / 12_000)).toBe(true);
    }
  });

  it('is known of a stream that the server calls waiting between its frames', () => {
    for (const interval of [3500, 4000, 6000, 9000])
      for (const phase of [0, 700, 1900, 2900]) {
        const said = looks(interval, { phase }).slice(10);
        for (const rate of said) expect(rate).toBeGreaterThan(0);
        for (const rate of said) expect(rate).toBeLessThan(0.5);
      }
  });

  it('is forgotten when a stream rests, and begins anew after it', () => {
    const rate = new StreamRate();
    const said = looks(100, { until: 21_000, to: 45_000, rate });
    // It was never slow.
    for (const one of said.slice(3)) expect(one ?? 10).toBeGreaterThan(7);
    expect(said.at(-1)).toBeUndefined();
    expect(rate.take(true, 211, 46_000)).toBeUndefined();
    expect(rate.take(true, 241, 49_000)).toBeUndefined();
    expect(rate.take(true, 271, 52_000)).toBeCloseTo(10, 9);
  });

  it('does not count the time in which nobody looked', () => {
    const rate = new StreamRate();
    looks(100, { to: 30_000, rate });
    expect(rate.take(true, 301, 600_000)).toBeUndefined();
  });

  it('is not told of two streams, where one of the same name took the place of another', () => {
    const rate = new StreamRate();
    rate.take(true, 1000, 0);
    expect(rate.take(true, 10, 7000)).toBeUndefined();
    expect(rate.take(true, 80, 14_000)).toBeCloseTo(10, 9);
  });
});
