import { afterEach, expect, it, vi } from 'vitest';
import { RetryDelay } from './retry-delay.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('waits twice as long each time, up to the longest, and starts over once it was up for a while', () => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  const delay = new RetryDelay(3000);
  const next = (upFor?: number) => delay.next(upFor === undefined ? undefined : performance.now() - upFor);
  expect([next(), next(), next(), next(), next()]).toEqual([500, 1000, 2000, 3000, 3000]);
  expect(next(10_000)).toBe(3000);
  expect([next(10_001), next(10)]).toEqual([500, 1000]);
});

it('differs by a fifth at most', () => {
  const waits = Array.from({ length: 1000 }, () => new RetryDelay(3000).next(undefined));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(400);
  expect(Math.max(...waits)).toBeLessThanOrEqual(600);
  expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(100);
});
