/** Depth in three.js: real objects that hide virtual ones, and live point clouds. */
export { type Lens, matchCamera } from './lens.ts';
export { DepthOccluder, type DepthOccluderOptions } from './occluder.ts';
export type { Picture } from './pictures.ts';
export { DepthPointCloud, type DepthPointCloudOptions } from './point-cloud.ts';
