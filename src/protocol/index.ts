export {
  CHUNK_HEADER_SIZE,
  chunk,
  MAX_CHUNK,
  Reassembler,
} from './chunks.ts';
export { PACKET_HEADER_SIZE } from './layout.ts';
export { DepthPacker, decodeFrame, encodeFrame } from './packet.ts';
export type { DepthFormat, DepthFrame, DepthFrameInfo, DepthUnit } from './types.ts';
export { DEPTH_FORMATS } from './types.ts';
