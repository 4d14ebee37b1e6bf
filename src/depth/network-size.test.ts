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

it('refuses a size that the model does not allow', () => {
  expect(() => networkSize(model, 4, 3, 300)).toThrowError(expect.objectContaining({ code: 'BAD_SIZE' }));
});
