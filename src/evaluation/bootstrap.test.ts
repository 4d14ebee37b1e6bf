import { expect, test } from 'vitest';
import { seeded } from '../../test/depth-map.ts';
import { blockBootstrap } from './bootstrap.ts';

/** A series around `mean` whose neighbours are alike: an autoregressive process of first order. */
function series(n: number, mean: number, memory: number, random: () => number): number[] {
  let state = 0;
  return Array.from({ length: n }, () => {
    // Twelve uniform numbers are as good as normal.
    let noise = -6;
    for (let i = 0; i < 12; i++) noise += random();
    state = memory * state + Math.sqrt(1 - memory ** 2) * noise;
    return mean + state;
  });
}

test('the interval holds the true mean about as often as it says, also where neighbours are alike', () => {
  const random = seeded(3);
  for (const [memory, least] of [
    [0, 0.9],
    [0.8, 0.8],
  ] as const) {
    let held = 0;
    for (let run = 0; run < 200; run++) {
      const { low, high } = blockBootstrap([series(150, 1, memory, random)]);
      if (low <= 1 && 1 <= high) held++;
    }
    expect(held / 200, `memory ${memory}`).toBeGreaterThanOrEqual(least);
    expect(held / 200, `memory ${memory}`).toBeLessThan(0.995);
  }
});

test('neighbours that are alike widen it', () => {
  const width = (memory: number) => {
    const random = seeded(5);
    const { low, high } = blockBootstrap([series(400, 0, memory, random)]);
    return high - low;
  };
  expect(width(0.9)).toBeGreaterThan(2 * width(0));
});

test('every series counts the same, and the same numbers give the same interval', () => {
  const long = Array.from({ length: 100 }, () => 1);
  const short = Array.from({ length: 4 }, () => 3);
  expect(blockBootstrap([long, short, []])).toEqual({ mean: 2, low: 2, high: 2 });
  const values = series(60, 0, 0.5, seeded(8));
  expect(blockBootstrap([values])).toEqual(blockBootstrap([values]));
  expect(blockBootstrap([[1, 2, 3]])).toEqual({ mean: 2, low: Number.NaN, high: Number.NaN });
  expect(blockBootstrap([]).mean).toBeNaN();
});
