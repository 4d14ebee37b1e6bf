import { DepthcastError } from '../errors.ts';
import { DEPTH_FORMATS, type DepthFormat, type DepthFrameInfo } from './types.ts';

/** Byte offset of every header field of a depth packet; all little endian. docs/protocol.md documents each. */
export const PACKET_FIELDS = {
  magic: [0, 'u8[4]'],
  version: [4, 'u8'],
  format: [5, 'u8'],
  flags: [6, 'u8'],
  headerSize: [7, 'u8'],
  frameId: [8, 'u32'],
  epoch: [12, 'u32'],
  rtpTimestamp: [16, 'u32'],
  width: [20, 'u16'],
  height: [22, 'u16'],
  sourceWidth: [24, 'u16'],
  sourceHeight: [26, 'u16'],
  latency: [28, 'f32'],
  captureTime: [32, 'f64'],
  near: [40, 'f32'],
  far: [44, 'f32'],
  offset: [48, 'f32'],
  scale: [52, 'f32'],
  rawSize: [56, 'u32'],
  payloadSize: [60, 'u32'],
  estimatedCaptureTime: [64, 'f64'],
  captureTimeError: [72, 'f32'],
} as const;

export const PACKET_HEADER_SIZE = 64;
/** With the fields behind those that every packet has, and four bytes that are 0. */
const LONG_HEADER_SIZE = 80;
const PACKET_VERSION = 1;
/** "DCDF" */
const PACKET_MAGIC = 0x46444344;

export const FLAG_PACKED = 1;
const FLAG_METRES = 2;
const FLAG_CAPTURE_TIME = 4;
const FLAG_LATENCY = 8;
const KNOWN_FLAGS = FLAG_PACKED | FLAG_METRES | FLAG_CAPTURE_TIME | FLAG_LATENCY;

/** Format codes: the index is the byte on the wire. */
/** Bytes of one stored value. */
export const VALUE_SIZE: Readonly<Record<DepthFormat, number>> = { none: 0, u8: 1, u16: 2, f16: 2 };

/** Most values in one depth map, a bound on what a packet can make its receiver allocate. */
const MAX_VALUES = 1 << 24;
/** Deflate cannot expand by more than this (zlib's technical notes: 1032:1). */
const MAX_EXPANSION = 1032;

/** Affine map from stored integers to values: value = offset + scale * code. Both are exact float32 numbers. */
export interface Affine {
  offset: number;
  scale: number;
}

export interface PacketHeader extends Affine {
  info: DepthFrameInfo;
  format: DepthFormat;
  /** Whether the payload is a raw-deflate stream of byte planes. */
  packed: boolean;
  /** Bytes that the payload has once it is unpacked. */
  rawSize: number;
  /** The payload as it stands in the packet; a view. */
  payload: Uint8Array;
}

export function badPacket(detail: string, cause?: unknown): DepthcastError {
  return new DepthcastError('BAD_PACKET', { detail, cause });
}

/** Bytes of the header that this frame needs. */
export const headerSizeOf = ({ captureTimeError }: DepthFrameInfo): number =>
  captureTimeError === undefined ? PACKET_HEADER_SIZE : LONG_HEADER_SIZE;

/** Writes the header at the start of `packet`, whose remainder is the payload. */
export function writeHeader(
  packet: Uint8Array,
  info: DepthFrameInfo,
  format: DepthFormat,
  packed: boolean,
  { offset, scale }: Affine,
): void {
  const headerSize = headerSizeOf(info);
  const view = new DataView(packet.buffer, packet.byteOffset, headerSize);
  // An estimate stands where only receivers that know of it look.
  const estimated = info.captureTimeError !== undefined;
  const told = estimated ? undefined : info.captureTime;
  const flags =
    (packed ? FLAG_PACKED : 0) |
    (info.unit === 'metres' ? FLAG_METRES : 0) |
    (told === undefined ? 0 : FLAG_CAPTURE_TIME) |
    (info.latency === undefined ? 0 : FLAG_LATENCY);
  view.setUint32(0, PACKET_MAGIC, true);
  view.setUint8(4, PACKET_VERSION);
  view.setUint8(5, DEPTH_FORMATS.indexOf(format));
  view.setUint8(6, flags);
  view.setUint8(7, headerSize);
  view.setUint32(8, info.frameId, true);
  view.setUint32(12, info.epoch, true);
  view.setUint32(16, info.rtpTimestamp, true);
  view.setUint16(20, info.width, true);
  view.setUint16(22, info.height, true);
  view.setUint16(24, info.sourceWidth, true);
  view.setUint16(26, info.sourceHeight, true);
  view.setFloat32(28, info.latency ?? 0, true);
  view.setFloat64(32, told ?? 0, true);
  view.setFloat32(40, info.near, true);
  view.setFloat32(44, info.far, true);
  view.setFloat32(48, offset, true);
  view.setFloat32(52, scale, true);
  view.setUint32(56, info.width * info.height * VALUE_SIZE[format], true);
  view.setUint32(60, packet.length - headerSize, true);
  if (!estimated) return;
  view.setFloat64(64, info.captureTime ?? 0, true);
  view.setFloat32(72, info.captureTimeError!, true);
  view.setUint32(76, 0, true);
}

/**
 * Reads and checks a packet's header. Everything a hostile sender could lie about is checked here, so that the rest
 * may trust the numbers.
 * @throws DepthcastError BAD_PACKET
 */
export function readHeader(packet: Uint8Array): PacketHeader {
  if (packet.length < PACKET_HEADER_SIZE) throw badPacket(`${packet.length} bytes are less than a header`);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (view.getUint32(0, true) !== PACKET_MAGIC) throw badPacket('it does not start with DCDF');
  const version = view.getUint8(4);
  if (version !== PACKET_VERSION) throw badPacket(`version ${version} is not known`);
  const format = DEPTH_FORMATS[view.getUint8(5)];
  if (!format) throw badPacket(`format ${view.getUint8(5)} is not known`);
  const flags = view.getUint8(6);
  if (flags & ~KNOWN_FLAGS) throw badPacket(`flags ${flags} are not known`);
  const headerSize = view.getUint8(7);
  if (headerSize < PACKET_HEADER_SIZE || headerSize > packet.length) throw badPacket(`header size ${headerSize}`);

  const info: DepthFrameInfo = {
    frameId: view.getUint32(8, true),
    epoch: view.getUint32(12, true),
    rtpTimestamp: view.getUint32(16, true),
    width: view.getUint16(20, true),
    height: view.getUint16(22, true),
    sourceWidth: view.getUint16(24, true),
    sourceHeight: view.getUint16(26, true),
    unit: flags & FLAG_METRES ? 'metres' : 'disparity',
    near: view.getFloat32(40, true),
    far: view.getFloat32(44, true),
  };
  if (flags & FLAG_LATENCY) info.latency = view.getFloat32(28, true);
  if (flags & FLAG_CAPTURE_TIME) info.captureTime = view.getFloat64(32, true);
  else if (headerSize >= LONG_HEADER_SIZE && view.getFloat64(64, true) !== 0) {
    info.captureTime = view.getFloat64(64, true);
    info.captureTimeError = view.getFloat32(72, true);
  }
  checkInfo(info);

  const offset = view.getFloat32(48, true);
  const scale = view.getFloat32(52, true);
  if (!Number.isFinite(offset) || !Number.isFinite(scale)) throw badPacket('offset or scale is not finite');

  const packed = (flags & FLAG_PACKED) !== 0;
  const payload = packet.subarray(headerSize);
  const rawSize = view.getUint32(56, true);
  if (rawSize !== info.width * info.height * VALUE_SIZE[format]) throw badPacket(`raw size ${rawSize}`);
  if (view.getUint32(60, true) !== payload.length) throw badPacket(`the payload has ${payload.length} bytes`);
  const possible = packed ? rawSize <= payload.length * MAX_EXPANSION : rawSize === payload.length;
  if (!possible) throw badPacket(`${payload.length} payload bytes cannot hold ${rawSize}`);
  return { info, format, packed, offset, scale, rawSize, payload };
}

/**
 * Checks what both sides must keep to: 1..65535 pixels a side, at most MAX_VALUES in all, finite numbers.
 * @throws DepthcastError BAD_PACKET
 */
export function checkInfo(info: DepthFrameInfo): void {
  for (const side of ['width', 'height', 'sourceWidth', 'sourceHeight'] as const)
    if (!Number.isInteger(info[side]) || info[side] < 1 || info[side] > 0xffff)
      throw badPacket(`${side} is ${info[side]}`);
  if (info.width * info.height > MAX_VALUES) throw badPacket(`${info.width}x${info.height} is too large`);
  for (const field of ['near', 'far', 'captureTime', 'captureTimeError', 'latency'] as const)
    if (info[field] !== undefined && !Number.isFinite(info[field])) throw badPacket(`${field} is ${info[field]}`);
}
