import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRing, ringLength } from './ring-window.ts';
import type { WindowRule } from './window.ts';

const VDA = { rule: 'anchored', slots: 31, farAge: 41, emptyMask: -1e9 } as const;

/** Keeps frame numbers in a ring as a graph keeps states; yields, per frame, which frame stands at each position. */
function* replay(rule: WindowRule, frames: number, ring = createRing(rule), places: number[] = []) {
  for (let n = 0; n < frames; n++) {
    const { frame, slots, mask, here, write } = ring.step();
    expect(frame).toBe(n);
    for (let p = 0; p < ring.ringLength; p++) if (write[p]) places[p] = n;
    const seen = new Map<number, number>();
    for (let p = 0; p < ring.ringLength; p++) {
      if (mask[p] !== 0) continue;
      expect(seen.has(Number(slots[p])), `frame ${n}, position ${slots[p]}`).toBe(false);
      seen.set(Number(slots[p]), places[p]!);
    }
    yield { n, seen, here: Number(here[0]) };
  }
}

describe('the ring of an anchored window', () => {
  const official: number[][] = JSON.parse(
    readFileSync(new URL('../../test/vectors/vda/windows.json', import.meta.url), 'utf8'),
  );

  test('shows the frames of the official code, and of its rule beyond, in 43 places', () => {
    expect(ringLength(VDA)).toBe(43);
    for (const { n, seen, here } of replay(VDA, 201)) {
      expect(here).toBe(n === 0 ? 0 : 31);
      expect(seen.get(here)).toBe(n);
      if (n === 0) {
        expect(seen.size).toBe(1);
        continue;
      }
      const rule = Array.from({ length: 31 }, (_, j) =>
        j === 0 ? 0 : j === 1 ? Math.max(0, n - 41) : Math.max(0, n - 31 + j),
      );
      expect(Array.from({ length: 31 }, (_, j) => seen.get(j))).toEqual(official[n - 1] ?? rule);
      expect(seen.size).toBe(32);
    }
  });

  test.each([
    [3, 3],
    [3, 9],
    [4, 5],
    [31, 31],
  ])('of %i slots and a far frame of age %i', (slots, farAge) => {
    for (const { n, seen } of replay({ ...VDA, slots, farAge }, 3 * farAge + 5)) {
      if (n === 0) continue;
      const want = Array.from({ length: slots }, (_, j) =>
        j === 0 ? 0 : j === 1 ? Math.max(0, n - farAge) : Math.max(0, n - slots + j),
      );
      expect(Array.from({ length: slots }, (_, j) => seen.get(j))).toEqual(want);
      expect(seen.get(slots)).toBe(n);
    }
  });

  test('a far frame that is not older than the recent ones is refused', () => {
    expect(() => createRing({ ...VDA, farAge: 30 })).toThrow(/window.farAge/);
  });
});

test('the ring of a recent window shows the last frames by age', () => {
  const rule = { rule: 'recent', frames: 7, emptyMask: -1e4 } as const;
  for (const { n, seen, here } of replay(rule, 30)) {
    expect(here).toBe(0);
    expect([...seen].sort(([a], [b]) => a - b)).toEqual(
      Array.from({ length: Math.min(n, 7) + 1 }, (_, age) => [age, n - age]),
    );
  }
});

test('a fork goes on by itself, and a reset writes everywhere', () => {
  const ring = createRing(VDA);
  for (let n = 0; n < 50; n++) ring.step();
  const fork = ring.fork();
  ring.reset();
  expect(ring.step().write.every((w) => w === 1)).toBe(true);
  expect(fork.step().frame).toBe(50);
});
