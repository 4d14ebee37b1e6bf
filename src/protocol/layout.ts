import { DepthcastError } from '../errors.ts';
import { Camera, INTRINSICS_SOURCES, type Intrinsics } from './camera.ts';
import { DEPTH_FORMATS, type DepthFormat, type DepthFrameInfo, type MetricMap } from './types.ts';
import type { PacketVersion } from './versions.ts';

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
  intrinsicsSource: [76, 'u8'],
  hints: [77, 'u8'],
  anchors: [78, 'u16'],
  fx: [80, 'f32'],
  fy: [84, 'f32'],
  cx: [88, 'f32'],
  cy: [92, 'f32'],
  variance: [96, 'f32[3]'],
} as const;

/** The least that every version has. */
const PACKET_HEADER_SIZE = 64;
/** Version 1 with an estimated capture time, and four bytes that are 0. */
const LONG_HEADER_SIZE = 80;
/** Version 2; the last four bytes are 0. */
export const MAX_HEADER_SIZE = 112;
/** "DCDF" */
const PACKET_MAGIC = 0x46444344;

export const FLAG_PACKED = 1;
const FLAG_METRES = 2;
const FLAG_CAPTURE_TIME = 4;
const FLAG_LATENCY = 8;
/** The stored values are 1/metres: version 2 alone. */
const FLAG_INVERSE = 16;
const FLAGS_OF_1 = FLAG_PACKED | FLAG_METRES | FLAG_CAPTURE_TIME | FLAG_LATENCY;
const KNOWN_FLAGS: Readonly<Record<PacketVersion, number>> = { 1: FLAGS_OF_1, 2: FLAGS_OF_1 | FLAG_INVERSE };

/** Bits of `hints`: nothing that a reader has to know to read the packet. */
const HINT_REUSED = 1;
const HINT_REDUCED = 2;

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
  info: DepthFrameInfo & { intrinsics: Intrinsics };
  format: DepthFormat;
  /** Whether the payload is a raw-deflate stream of byte planes. */
  packed: boolean;
  /** Whether stored values are 1/metres; `info` is in metres already. */
  inverse: boolean;
  /** Bytes that the payload has once it is unpacked. */
  rawSize: number;
  /** The payload as it stands in the packet; a view. */
  payload: Uint8Array;
}

export function badPacket(detail: string, cause?: unknown): DepthcastError {
  return new DepthcastError('BAD_PACKET', { detail, cause });
}

/** Bytes of the header that this frame needs. */
export const headerSizeOf = ({ captureTimeError }: DepthFrameInfo, version: PacketVersion): number =>
  version === 2 ? MAX_HEADER_SIZE : captureTimeError === undefined ? PACKET_HEADER_SIZE : LONG_HEADER_SIZE;

export interface HeaderOptions {
  version: PacketVersion;
  packed: boolean;
  /** Makes metres of the values; version 1 cannot tell and carries the network's own. */
  metric: MetricMap | undefined;
}

/** Writes the header at the start of `packet`, whose remainder is the payload. */
export function writeHeader(
  packet: Uint8Array,
  info: DepthFrameInfo,
  format: DepthFormat,
  affine: Affine,
  { version, packed, metric }: HeaderOptions,
): void {
  const headerSize = headerSizeOf(info, version);
  const view = new DataView(packet.buffer, packet.byteOffset, headerSize);
  // An estimate stands where only receivers that know of it look.
  const estimated = info.captureTimeError !== undefined;
  const told = estimated ? undefined : info.captureTime;
  const { scale: gain, shift } = (version === 2 ? metric : undefined) ?? { scale: 1, shift: 0 };
  const anchored = version === 2 && metric !== undefined;
  const flags =
    (packed ? FLAG_PACKED : 0) |
    (info.unit === 'metres' || anchored ? FLAG_METRES : 0) |
    (told === undefined ? 0 : FLAG_CAPTURE_TIME) |
    (info.latency === undefined ? 0 : FLAG_LATENCY) |
    (anchored && info.unit === 'disparity' ? FLAG_INVERSE : 0);
  view.setUint32(0, PACKET_MAGIC, true);
  view.setUint8(4, version);
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
  view.setFloat32(40, gain * info.near + shift, true);
  view.setFloat32(44, gain * info.far + shift, true);
  view.setFloat32(48, gain * affine.offset + shift, true);
  view.setFloat32(52, gain * affine.scale, true);
  view.setUint32(56, info.width * info.height * VALUE_SIZE[format], true);
  view.setUint32(60, packet.length - headerSize, true);
  if (headerSize === PACKET_HEADER_SIZE) return;
  view.setFloat64(64, estimated ? (info.captureTime ?? 0) : 0, true);
  view.setFloat32(72, info.captureTimeError ?? 0, true);
  view.setUint32(76, 0, true);
  if (version === 1) return;
  const { source, fx, fy, cx, cy } = info.intrinsics ?? assumedIntrinsics(info);
  view.setUint8(76, INTRINSICS_SOURCES.indexOf(source));
  view.setUint8(77, (info.reused ? HINT_REUSED : 0) | (info.reduced ? HINT_REDUCED : 0));
  view.setUint16(78, metric?.anchors ?? 0, true);
  view.setFloat32(80, fx, true);
  view.setFloat32(84, fy, true);
  view.setFloat32(88, cx, true);
  view.setFloat32(92, cy, true);
  for (let i = 0; i < 3; i++) view.setFloat32(96 + 4 * i, metric?.variance[i] ?? 0, true);
  view.setUint32(108, 0, true);
}

const assumed = new Camera();
const assumedIntrinsics = ({ sourceWidth, sourceHeight }: DepthFrameInfo): Intrinsics =>
  assumed.intrinsics(sourceWidth, sourceHeight);

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
  if (version !== 1 && version !== 2) throw badPacket(`version ${version} is not known`);
  const format = DEPTH_FORMATS[view.getUint8(5)];
  if (!format) throw badPacket(`format ${view.getUint8(5)} is not known`);
  const flags = view.getUint8(6);
  if (flags & ~KNOWN_FLAGS[version]) throw badPacket(`flags ${flags} are not known`);
  const headerSize = view.getUint8(7);
  const least = version === 1 ? PACKET_HEADER_SIZE : MAX_HEADER_SIZE;
  if (headerSize < least || headerSize > packet.length) throw badPacket(`header size ${headerSize}`);

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
  if (version === 2) readCamera(view, info);
  checkInfo(info);
  const inverse = (flags & FLAG_INVERSE) !== 0;
  if (inverse) {
    if (info.unit !== 'metres') throw badPacket('inverse metres that are no metres');
    info.near = inverted(info.near);
    info.far = inverted(info.far);
  }

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
  const intrinsics = info.intrinsics ?? assumedIntrinsics(info);
  return { info: { ...info, intrinsics }, format, packed, inverse, offset, scale, rawSize, payload };
}

/** Metres of an inverse depth; what is at infinity, or beyond what the fit can tell, is Infinity. NaN stays. */
export const inverted = (q: number): number => (q <= 0 ? Number.POSITIVE_INFINITY : 1 / q);

function readCamera(view: DataView, info: DepthFrameInfo): void {
  const source = INTRINSICS_SOURCES[view.getUint8(76)];
  if (!source) throw badPacket(`source of intrinsics ${view.getUint8(76)} is not known`);
  const float = (at: number) => view.getFloat32(at, true);
  info.intrinsics = { fx: float(80), fy: float(84), cx: float(88), cy: float(92), source };
  if (view.getUint8(77) & HINT_REUSED) info.reused = true;
  if (view.getUint8(77) & HINT_REDUCED) info.reduced = true;
  const anchors = view.getUint16(78, true);
  if (anchors > 0) info.accuracy = { anchors, variance: [float(96), float(100), float(104)] };
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
  const { intrinsics: k, accuracy } = info;
  if (k && !(Math.fround(k.fx) > 0 && Math.fround(k.fy) > 0 && [k.fx, k.fy, k.cx, k.cy].every(Number.isFinite)))
    throw badPacket(`the camera is ${k.fx} ${k.fy} ${k.cx} ${k.cy}`);
  if (accuracy && !accuracy.variance.every(Number.isFinite)) throw badPacket(`the variance is ${accuracy.variance}`);
}
