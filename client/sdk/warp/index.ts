/** Depth maps carried over to newer pictures. */
export type { SmallPicture } from './flow.ts';
export { followNewest, type Newest } from './newest.ts';
export { type DepthMap, DepthWarp, smallPicture } from './warp.ts';
