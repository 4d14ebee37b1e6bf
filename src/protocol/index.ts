export {
  Camera,
  type CameraSettings,
  cameraSettings,
  type Intrinsics,
  type IntrinsicsSource,
} from './camera.ts';
export {
  CHUNK_HEADER_SIZE,
  chunk,
  MAX_CHUNK,
  Reassembler,
} from './chunks.ts';
export { DepthPacker, decodeFrame, encodeFrame, type MapPayload } from './packet.ts';
export type {
  AnchorAccuracy,
  DepthFormat,
  DepthFrame,
  DepthFrameInfo,
  DepthUnit,
  MetricMap,
} from './types.ts';
export { DEPTH_FORMATS } from './types.ts';
export { CHANNEL_PROTOCOL, type PacketVersion, packetVersionOf } from './versions.ts';
