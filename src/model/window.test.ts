import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { StateCache } from './state-cache.ts';
import { createWindow, type WindowRule } from './window.ts';

const VDA = { rule: 'anchored', slots: 31, farAge: 41, emptyMask: -1e9 } as const;
const TOKENS = 3;
const CHANNELS = 2;

/** Streams frames whose states are their own number; yields, per frame, what stands at each position. */
function* replay(rule: WindowRule, frames: number, cache = new StateCache(TOKENS, CHANNELS, createWindow(rule))) {
  const window = createWindow(rule);
  for (let n = 0; n < frames; n++) {
    const step = window.step();
    expect(step.frame).toBe(n);
    const seen = new Map<number, number>();
    for (let s = 0; s < window.slotCount - 1; s++) {
      if (step.mask[s] !== 0) continue;
      const values = Array.from({ length: TOKENS }, (_, t) =>
        Array.from(cache.cached.subarray((t * cache.slots + s) * CHANNELS, (t * cache.slots + s + 1) * CHANNELS)),
      );
      const frame = values[0]![0]! - 1;
      expect(values).toEqual(statesOf(frame));
      expect(seen.has(Number(step.slots[s]))).toBe(false);
      seen.set(Number(step.slots[s]), frame);
    }
    yield { n, seen, query: Number(step.slots.at(-1)), queryMask: step.mask.at(-1) };
    cache.store(step.write, Float32Array.from(statesOf(n).flat()));
  }
}

/** Distinct per token and channel, so that a transposed or shifted copy shows; frame + 1 tells it from empty. */
const statesOf = (frame: number): number[][] =>
  Array.from({ length: TOKENS }, (_, t) =>
    Array.from({ length: CHANNELS }, (_, c) => frame + 1 + 1000 * t + 10_000 * c),
  );

describe('anchored window', () => {
  const vectors = new URL('../../test/vectors/vda/windows.json', import.meta.url);
  const official: number[][] = JSON.parse(readFileSync(vectors, 'utf8'));

  test('shows the frames of the official code, and of its rule beyond', () => {
    for (const { n, seen, query, queryMask } of replay(VDA, 201)) {
      expect(queryMask).toBe(0);
      expect(query).toBe(n === 0 ? 0 : 31);
      if (n === 0) {
        expect(seen.size).toBe(0);
        continue;
      }
      const rule = Array.from({ length: 31 }, (_, j) =>
        j === 0 ? 0 : j === 1 ? Math.max(0, n - 41) : Math.max(0, n - 31 + j),
      );
      expect(Array.from({ length: 31 }, (_, j) => seen.get(j))).toEqual(official[n - 1] ?? rule);
    }
  });

  test.each([
    [3, 3],
    [3, 9],
    [4, 5],
    [8, 30],
  ])('holds its rule for %i slots and far age %i', (slots, farAge) => {
    for (const { n, seen } of replay({ rule: 'anchored', slots, farAge, emptyMask: -1e9 }, 100))
      for (const [j, frame] of seen)
        expect(frame).toBe(j === 0 ? 0 : Math.max(0, j === 1 ? n - farAge : n - slots + j));
  });

  test('refuses a far frame that is among the recent ones', () => {
    expect(() => createWindow({ ...VDA, farAge: 30 })).toThrow(expect.objectContaining({ code: 'BAD_MANIFEST' }));
  });
});

test('recent window: positions are ages, old frames leave, empty slots are masked', () => {
  for (const { n, seen, query } of replay({ rule: 'recent', frames: 7, emptyMask: -1e4 }, 40)) {
    expect(query).toBe(0);
    expect(seen.size).toBe(Math.min(n, 7));
    for (const [age, frame] of seen) expect(frame).toBe(n - age);
  }
});

test('every position stays within the table that the graph gathers from, masked or not', () => {
  for (const rule of [VDA, { rule: 'recent', frames: 7, emptyMask: -1e4 } as const]) {
    const window = createWindow(rule);
    for (let n = 0; n < 50; n++) for (const s of window.step().slots) expect(Number(s)).toBeLessThan(window.slotCount);
  }
});

test('after reset and clear a stream starts afresh', () => {
  const window = createWindow(VDA);
  const cache = new StateCache(1, 1, window);
  for (let n = 0; n < 60; n++) cache.store(window.step().write, Float32Array.of(Number.NaN));
  window.reset();
  cache.clear();
  expect(cache.cached.every((v) => v === 0)).toBe(true);
  const fresh = createWindow(VDA);
  for (let n = 0; n < 60; n++) expect(window.step()).toEqual(fresh.step());
});

test('states written into `incoming` need no copy first, and the arrays are the same from step to step', () => {
  const window = createWindow(VDA);
  const cache = new StateCache(2, 2, window);
  const first = window.step();
  cache.incoming.set([1, 2, 3, 4]);
  cache.store(first.write, cache.incoming);
  expect(Array.from(cache.cached.subarray(30 * 2, 32 * 2))).toEqual([1, 2, 3, 4]);
  expect(window.step().slots).toBe(first.slots);
});

test('a fork has the same memory, shares none of it, and goes on as its original does', () => {
  const window = createWindow(VDA);
  const cache = new StateCache(TOKENS, CHANNELS, window);
  const store = (to: StateCache, write: Parameters<StateCache['store']>[0], n: number) =>
    to.store(write, Float32Array.from(statesOf(n).flat()));
  for (let n = 0; n < 50; n++) store(cache, window.step().write, n);
  const fork = cache.fork();
  expect(fork.byteLength).toBe(cache.byteLength);
  // Long enough that what waited in the delay line at the fork comes out of it.
  for (let n = 50; n < 70; n++) {
    const { write } = window.step();
    const before = Float32Array.from(fork.cached);
    store(cache, write, n);
    expect(Float32Array.from(fork.cached)).toEqual(before);
    store(fork, write, n);
    expect(fork.cached).toEqual(cache.cached);
  }
  fork.clear();
  expect(fork.cached.every((value) => value === 0)).toBe(true);
  expect(cache.cached.every((value) => value === 0)).toBe(false);
  const ofFork = cache.fork();
  ofFork.clear();
  expect(ofFork.cached.every((value) => value === 0)).toBe(true);
});

test('states of less than 32 bits take the memory they need, and move as others do', () => {
  const window = createWindow(VDA);
  for (const [type, bytes] of [
    ['int16', 2],
    ['int8', 1],
  ] as const) {
    const cache = new StateCache(2, 3, window, type);
    expect(cache.byteLength).toBe(2 * 3 * (31 + window.delayCount + 1) * bytes);
    cache.incoming.set([1, -2, 3, -4, 5, -6]);
    cache.store({ slot: 4, everywhere: false, fromDelay: -1, toDelay: 0 }, cache.incoming);
    cache.store({ slot: 4, everywhere: false, fromDelay: -1, toDelay: 3 }, cache.incoming);
    cache.store({ slot: 5, everywhere: false, fromDelay: 3, toDelay: -1 }, cache.incoming);
    const rows = (slot: number) =>
      [0, 1].flatMap((t) => [...cache.cached.subarray((t * 31 + slot) * 3, (t * 31 + slot + 1) * 3)]);
    expect([rows(1), rows(4), rows(0)]).toEqual([[1, -2, 3, -4, 5, -6], [1, -2, 3, -4, 5, -6], Array(6).fill(0)]);
  }
});

test('refuses a cache that no stream can need', () => {
  const window = createWindow(VDA);
  for (const [tokens, channels] of [
    [0, 64],
    [-1, 64],
    [1.5, 64],
    [1e6, 1e3],
  ] as const)
    expect(() => new StateCache(tokens, channels, window)).toThrow(expect.objectContaining({ code: 'BAD_MODEL' }));
});
