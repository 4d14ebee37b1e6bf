/** Depth maps carried over to newer pictures. */
export type { SmallPicture } from './flow.ts';
export { type DepthMap, DepthWarp, smallPicture } from './warp.ts';
