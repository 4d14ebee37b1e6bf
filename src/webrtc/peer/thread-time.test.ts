import { expect, it } from 'vitest';
import { ThreadTime } from './thread-time.ts';

const times = (...readings: ([number, number] | undefined)[]) => new ThreadTime(() => readings.shift());

it('tells what of its busy time a thread had a processor for', () => {
  const time = times([1e9, 5e9], [1.1e9, 5e9], [1.2e9, 5.3e9], [1.2e9, 6e9]);
  expect(time.share()).toBe(1);
  expect(time.share()).toBeCloseTo(0.25);
  // It did not run at all: nothing to tell from.
  expect(time.share()).toBe(1);
});

it('takes all time for its own where the system does not tell', () => {
  expect(times(undefined, undefined).share()).toBe(1);
  expect(times([1, 1], undefined).share()).toBe(1);
});

it('reads this system', () => {
  const time = new ThreadTime();
  const share = time.share();
  expect(share).toBeGreaterThan(0);
  expect(share).toBeLessThanOrEqual(1);
});
