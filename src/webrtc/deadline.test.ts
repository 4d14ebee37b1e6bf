import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Deadline } from './deadline.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function deadline(): { clock: Deadline; runs: number[] } {
  const runs: number[] = [];
  return { clock: new Deadline(() => runs.push(performance.now())), runs };
}

it('runs once, when it has come', () => {
  const { clock, runs } = deadline();
  const due = performance.now() + 50;
  clock.set(due);
  vi.advanceTimersByTime(49);
  expect(runs).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(runs).toEqual([due]);
});

it('may be put off again and again with one timer', () => {
  const { clock, runs } = deadline();
  const began = performance.now();
  for (let i = 0; i < 100; i++) {
    clock.set(performance.now() + 50);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(1000);
  // A millisecond early is not too early.
  expect(runs).toHaveLength(1);
  expect(runs[0]! - began).toBeGreaterThanOrEqual(148);
  expect(runs[0]! - began).toBeLessThanOrEqual(149);
});

it('comes sooner where it is set sooner, and not where it is taken away', () => {
  const { clock, runs } = deadline();
  const began = performance.now();
  clock.set(began + 500);
  clock.set(began + 20);
  vi.advanceTimersByTime(100);
  expect(runs).toEqual([began + 20]);
  clock.set(performance.now() + 20);
  clock.set(Number.POSITIVE_INFINITY);
  vi.advanceTimersByTime(1000);
  expect(runs).toHaveLength(1);
  clock.set(performance.now() + 20);
  clock.clear();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(1000);
  expect(runs).toHaveLength(1);
});

it('waits for what is further away than a timer can be', () => {
  const { clock, runs } = deadline();
  const due = performance.now() + 2 ** 31 + 5000;
  clock.set(due);
  vi.advanceTimersByTime(2 ** 31);
  expect(runs).toEqual([]);
  vi.advanceTimersByTime(6000);
  expect(runs).toEqual([due]);
});
