import { expect, it } from 'vitest';
import { networkSize } from './network-size.ts';

const model = { name: 'm', size: { multipleOf: 32, longSides: [192, 256], default: 256 } };

it.each([
  [640, 480, undefined, 256, 192],
  [1280, 720, undefined, 256, 160],
  [480, 640, undefined, 192, 256],
  [720, 1280, 192, 96, 192],
  [500, 500, undefined, 256, 256],
  [4096, 16, undefined, 256, 32],
])('%i x %i at %s gives %i x %i', (w, h, size, width, height) => {
  expect(networkSize(model, w, h, size)).toEqual({ width, height });
});

it('follows the official rule for short sides, and a graph of one size takes every picture', () => {
  const vda = { name: 'v', size: { multipleOf: 14, shortSides: { from: 140, to: 518 }, default: 196 } };
  expect(networkSize(vda, 640, 480)).toEqual({ width: 266, height: 196 });
  expect(networkSize(vda, 1080, 1920, 252)).toEqual({ width: 252, height: 448 });
  expect(() => networkSize(vda, 4, 3, 200)).toThrowError(/140 to 518 in steps of 14/);
  const fixed = { name: 'f', size: { fixed: { width: 112, height: 84 } } };
  expect(networkSize(fixed, 480, 640)).toEqual({ width: 112, height: 84 });
});

it('refuses a size that the model does not allow', () => {
  expect(() => networkSize(model, 4, 3, 300)).toThrowError(expect.objectContaining({ code: 'BAD_SIZE' }));
});
