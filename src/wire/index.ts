export {
  CHUNK_HEADER_SIZE,
  chunk,
  MAX_CHUNK,
  Reassembler,
  type ReassemblerOptions,
  type ReassemblerStats,
} from './chunks.ts';
export type { Inflate } from './inflate.ts';
export { PACKET_HEADER_SIZE } from './layout.ts';
export { type Deflate, DepthPacker, decodeFrame, encodeFrame } from './packet.ts';
export type { DepthFormat, DepthFrame, DepthFrameInfo, DepthUnit } from './types.ts';
