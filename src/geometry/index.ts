/** Geometry of depth maps: metres by anchors, points, normals, and their files. Runs in browsers too. */
export type { Anchor } from './anchors.ts';
export { type FloorPlace, floorAnchor } from './floor.ts';
export { toGlb } from './glb.ts';
export { toPly } from './ply.ts';
export {
  type Axes,
  type MetricFrame,
  mapIntrinsics,
  metresError,
  normals,
  type PointCloud,
  type PointOptions,
  pointCloud,
  type Rgba,
  triangles,
  unproject,
  validity,
} from './points.ts';
