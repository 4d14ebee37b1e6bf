import type { DepthFrameInfo } from '../../src/protocol/index.ts';

/** What a map of disparity from 0 to 1 says of itself, made of a picture of its own size, 30 a second. */
export const depthInfo = (frameId: number, width: number, height: number): DepthFrameInfo => ({
  frameId,
  epoch: 0,
  rtpTimestamp: 3000 * frameId,
  width,
  height,
  sourceWidth: width,
  sourceHeight: height,
  unit: 'disparity',
  near: 1,
  far: 0,
});
