import { expect, it } from 'vitest';
import { StateCache } from './state-cache.ts';
import { resampleCache } from './state-resample.ts';
import { createWindow } from './window.ts';

const from = { width: 8, height: 6 };
const CHANNELS = 3;
const window = createWindow({ rule: 'anchored', slots: 4, farAge: 7, emptyMask: -1e9 });

/** A cache whose states are linear over the picture, another slope for each slot and channel. */
function filled(size: typeof from): StateCache {
  const cache = new StateCache(size.width * size.height, CHANNELS, window);
  const value = (t: number, slot: number, c: number) => {
    const [x, y] = [((t % size.width) + 0.5) / size.width, (Math.floor(t / size.width) + 0.5) / size.height];
    return slot + (c + 1) * x - (slot + 2) * y;
  };
  for (let t = 0; t < cache.tokens; t++)
    for (let c = 0; c < CHANNELS; c++) {
      for (let s = 0; s < cache.slots; s++) cache.cached[(t * cache.slots + s) * CHANNELS + c] = value(t, s, c);
      for (let d = 0; d < window.delayCount; d++)
        cache.waiting[(d * cache.tokens + t) * CHANNELS + c] = value(t, 10 + d, c);
    }
  return cache.filled();
}

const off = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce((most, one) => Math.max(most, one), 0);

it('interpolates cached and waiting states, each slot and channel by itself', () => {
  const to = { width: 7, height: 5 };
  const resampled = resampleCache(filled(from), from, to);
  const expected = filled(to);
  expect(resampled.cached).toHaveLength(expected.cached.length);
  // A linear function comes back exactly, but for the border, where there is nothing beyond.
  const inner = [...Array(to.width * to.height).keys()].filter((t) => {
    const [x, y] = [t % to.width, Math.floor(t / to.width)];
    return x > 0 && x < to.width - 1 && y > 0 && y < to.height - 1;
  });
  const rows = (cache: StateCache) =>
    inner.flatMap((t) => [...cache.cached.subarray(t * cache.slots * CHANNELS, (t + 1) * cache.slots * CHANNELS)]);
  expect(off(rows(resampled), rows(expected))).toBeLessThan(1e-5);
  const waiting = (cache: StateCache) =>
    inner.flatMap((t) => [...cache.waiting.subarray((cache.tokens + t) * CHANNELS, (cache.tokens + t + 1) * CHANNELS)]);
  expect(waiting(resampled).length).toBeGreaterThan(0);
  expect(off(waiting(resampled), waiting(expected))).toBeLessThan(1e-5);
});

it('is the same on the same grid, and leaves the old states alone', () => {
  const cache = filled(from);
  const before = cache.cached.slice();
  expect(off(resampleCache(cache, from, from).cached, before)).toBe(0);
  expect(cache.cached).toEqual(before);
  expect(() => resampleCache(cache, { width: 7, height: 6 }, from)).toThrow('no grid');
});
