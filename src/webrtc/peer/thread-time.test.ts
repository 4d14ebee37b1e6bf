import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { needs } from '../../../test/support/needs.ts';
import { readSchedule, ThreadTime } from './thread-time.ts';

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

it('reads this system: time on a processor is time that this thread ran', {
  ...needs(existsSync('/proc/thread-self/schedstat'), "Linux' schedstat"),
}, () => {
  const [before] = readSchedule()!;
  const busy = process.cpuUsage();
  let spent = 0;
  for (let i = 0; spent < 50e3; i++) if (i % 1e5 === 0) spent = process.cpuUsage(busy).user;
  const [after] = readSchedule()!;
  // This thread's share of the process's 50 ms, in ns: the others of it have next to nothing to do.
  expect(after - before).toBeGreaterThan(10e6);
  expect(after - before).toBeLessThan(10e9);
});
