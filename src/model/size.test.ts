import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { networkSize } from './size.ts';

test('the sizes of the official resize rule', () => {
  const table: [number, number, number, number, number][] = JSON.parse(
    readFileSync(new URL('../../test/vectors/vda/network_sizes.json', import.meta.url), 'utf8'),
  );
  expect(table.length).toBeGreaterThan(100);
  for (const [width, height, inputSize, networkWidth, networkHeight] of table)
    expect([width, height, inputSize, networkSize({ width, height }, inputSize)]).toEqual([
      width,
      height,
      inputSize,
      { width: networkWidth, height: networkHeight },
    ]);
});

test('any picture gets positive multiples of the patch, turned when it is turned', () => {
  const side = fc.integer({ min: 1, max: 8192 });
  fc.assert(
    fc.property(side, side, fc.integer({ min: 1, max: 74 }), (width, height, patches) => {
      const size = networkSize({ width, height }, patches * 14);
      for (const length of [size.width, size.height]) expect(length > 0 && length % 14 === 0).toBe(true);
      expect(networkSize({ width: height, height: width }, patches * 14)).toEqual({
        width: size.height,
        height: size.width,
      });
    }),
  );
});
