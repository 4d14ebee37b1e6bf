import { expect, it } from 'vitest';
import { findModel } from '../model/library.ts';
import { sizeLadder } from './size-ladder.ts';

const { manifest } = findModel('depthcast-nano');

it('goes down by about a quarter of the area a step, along the sizes that the model has', () => {
  expect(sizeLadder(manifest, 256)).toEqual([256, 224, 192, 160]);
  expect(sizeLadder(manifest, 384)).toEqual([384, 320, 256, 224, 192, 160]);
  expect(sizeLadder(manifest, 160)).toEqual([160]);
  expect(sizeLadder({ size: { fixed: { width: 320, height: 256 } } }, 256)).toEqual([256]);
});
