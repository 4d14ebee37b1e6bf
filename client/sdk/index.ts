/** The browser SDK of depthcast: live video to a depth server, depth back. */

export {
  type Anchor,
  type Axes,
  type FloorPlace,
  floorAnchor,
  type MetricFrame,
  mapIntrinsics,
  metresError,
  normals,
  type PointCloud,
  type PointOptions,
  pointCloud,
  type Rgba,
  toGlb,
  toPly,
  triangles,
  unproject,
  validity,
} from '../../src/geometry/index.ts';
export type {
  AnchorAccuracy,
  CameraSettings,
  DepthFormat,
  DepthFrame,
  DepthUnit,
  Intrinsics,
  IntrinsicsSource,
} from '../../src/protocol/index.ts';
export type { ErrorSubject, ModelInfo, OutputSettings, SessionStats, StageTimes } from '../../src/protocol/messages.ts';
export type { RetryPolicy } from './backoff.ts';
export { connect } from './connect.ts';
export { DepthHistory, rtpDistance } from './depth-history.ts';
export { type ClientErrorCode, DepthError, type DepthErrorCode } from './errors.ts';
export type { FrameCounters, ReceivedFrame } from './frames.ts';
export type { ServerInfo } from './link.ts';
export { assumeMetres, type MetresScale, toMetres } from './metres.ts';
export type { Pair, PairCounters, Unpaired, UnpairedReason } from './pairing/pairing.ts';
export type { VideoCodec } from './peer.ts';
export type { Platform } from './platform.ts';
export { DepthSession } from './session.ts';
export { type CameraInfo, type CameraSpec, listCameras } from './sources/camera.ts';
export type { FileSpec } from './sources/file.ts';
export type { SourceSpec } from './sources/open.ts';
export { type PreparedScene, prepareScene, type SceneSpec } from './sources/scene.ts';
export type { Source } from './sources/source.ts';
export type { LiveStats, SessionEvents, SessionOptions, SessionState } from './types.ts';
export { VERSION } from './version.ts';
