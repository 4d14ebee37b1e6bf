import { DepthcastError } from '../errors.ts';
import { encodeHalves, halfTable } from './half.ts';
import { type Inflate, inflateRaw } from './inflate.ts';
import {
  type Affine,
  badPacket,
  checkInfo,
  headerSizeOf,
  inverted,
  MAX_HEADER_SIZE,
  type PacketHeader,
  readHeader,
  VALUE_SIZE,
  writeHeader,
} from './layout.ts';
import { fromBytes, fromPlanes, toBytes, toPlanes } from './planes.ts';
import { dequantise8, dequantise16, quantise8, quantise16, U16_STEPS } from './quantise.ts';
import type { DepthFormat, DepthFrame, DepthFrameInfo, MetricMap } from './types.ts';
import type { PacketVersion } from './versions.ts';

/** A raw-deflate compressor (RFC 1951): zlib.deflateRaw in Node, CompressionStream in a browser. */
export type Deflate = (bytes: Uint8Array) => Promise<Uint8Array>;

/** What DepthPacker stores of a map in u16: the affine map of its codes, and their planes deflated. */
export interface MapPayload {
  affine: Affine;
  deflated: Uint8Array;
}

/** Makes it in one step. @returns undefined where it cannot, and the usual steps are taken */
type PackMap = (values: Float32Array, width: number, height: number, steps: number) => MapPayload | undefined;

/** Float formats store no affine map. */
const IDENTITY: Affine = { offset: 0, scale: 1 };

interface PackOptions {
  /** 2 where it is left out. */
  version?: PacketVersion;
  /** Makes metres of the values, on the reading side: what is stored stays the network's, so that both versions share it. */
  metric?: MetricMap | undefined;
}

/** What a packer holds of its last packet, so that it may be had in the other version. */
interface Packed {
  info: DepthFrameInfo;
  format: DepthFormat;
  affine: Affine;
  packed: boolean;
  metric: MetricMap | undefined;
  payloadSize: number;
}

/** Turns depth maps into packets, one after the other, in memory that it reuses. */
export class DepthPacker {
  readonly #deflate: Deflate;
  readonly #steps: number;
  readonly #packMap: PackMap | undefined;
  #codes = new Uint16Array(0);
  #planes = new Uint8Array(0);
  /** The payload begins at MAX_HEADER_SIZE; a shorter header ends there. */
  #packet = new Uint8Array(MAX_HEADER_SIZE);
  #last: Packed | undefined;
  #busy = false;

  /**
   * @param steps of u16 over each frame's own range, at most 65534. Fewer drop bits that are noise and pack smaller;
   *   the error is half a step.
   * @param packMap a shorter way for u16, where there is one
   */
  constructor(deflate: Deflate, { steps = U16_STEPS, packMap }: { steps?: number; packMap?: PackMap } = {}) {
    this.#deflate = deflate;
    this.#steps = steps;
    this.#packMap = packMap;
  }

  /**
   * One packet: header and payload. The bytes are valid until the next call; calls may not overlap.
   * @param values row-major, width*height, in `info.unit`; ignored for format `none`
   * @throws DepthcastError BAD_PACKET when `info` and `values` do not make a depth map, INTERNAL on overlapping calls
   */
  async pack(
    info: DepthFrameInfo,
    values: Float32Array,
    format: DepthFormat,
    { version = 2, metric }: PackOptions = {},
  ): Promise<Uint8Array> {
    if (this.#busy) throw new DepthcastError('INTERNAL', { detail: 'a depth packet is already being packed' });
    this.#busy = true;
    this.#last = undefined;
    try {
      this.#last = await this.#pack(info, values, format, metric);
      return this.as(version);
    } finally {
      this.#busy = false;
    }
  }

  /**
   * The packet of the last map once more, for another frame: only its header is made anew.
   * @param info of the same size, unit and range
   * @throws DepthcastError INTERNAL without one
   */
  repeat(info: DepthFrameInfo, { version = 2, metric }: PackOptions = {}): Uint8Array {
    if (!this.#last || this.#busy) throw new DepthcastError('INTERNAL', { detail: 'no depth packet was packed' });
    checkInfo(info);
    this.#last = { ...this.#last, info, metric };
    return this.as(version);
  }

  /** The packet of the last call in this version, in the same memory: the one before is no longer valid. */
  as(version: PacketVersion): Uint8Array {
    if (!this.#last) throw new DepthcastError('INTERNAL', { detail: 'no depth packet was packed' });
    const { info, format, affine, packed, metric, payloadSize } = this.#last;
    const packet = this.#packet.subarray(MAX_HEADER_SIZE - headerSizeOf(info, version), MAX_HEADER_SIZE + payloadSize);
    writeHeader(packet, info, format, affine, { version, packed, metric });
    return packet;
  }

  async #pack(
    info: DepthFrameInfo,
    values: Float32Array,
    format: DepthFormat,
    metric: MetricMap | undefined,
  ): Promise<Packed> {
    checkInfo(info);
    if (format === 'none') return { info, format, affine: IDENTITY, packed: false, metric, payloadSize: 0 };
    const { width, height } = info;
    const count = width * height;
    if (values.length !== count) throw badPacket(`${values.length} values for ${width}x${height}`);
    const made = format === 'u16' ? this.#packMap?.(values, width, height, this.#steps) : undefined;
    if (made) {
      const payloadSize = made.deflated.length;
      this.#payloadOf(payloadSize).set(made.deflated);
      return { info, format, affine: made.affine, packed: true, metric, payloadSize };
    }
    if (this.#codes.length < count) {
      this.#codes = new Uint16Array(count);
      this.#planes = new Uint8Array(2 * count);
    }
    const bytes = VALUE_SIZE[format] as 1 | 2;
    const affine = this.#quantise(info, values, format);

    const planes = this.#planes.subarray(0, count * bytes);
    toPlanes(this.#codes, width, height, bytes, planes);
    const deflated = await this.#deflate(planes);
    const packed = deflated.length < planes.length;
    const payloadSize = packed ? deflated.length : planes.length;
    const payload = this.#payloadOf(payloadSize);
    if (packed) payload.set(deflated);
    else toBytes(this.#codes, count, bytes, payload);
    return { info, format, affine, packed, metric, payloadSize };
  }

  #quantise(info: DepthFrameInfo, values: Float32Array, format: 'u8' | 'u16' | 'f16'): Affine {
    if (format === 'u8') return quantise8(values, info.near, info.far, this.#codes);
    if (format === 'u16') return quantise16(values, this.#codes, this.#steps);
    encodeHalves(values, this.#codes);
    return IDENTITY;
  }

  #payloadOf(size: number): Uint8Array {
    const needed = MAX_HEADER_SIZE + size;
    if (this.#packet.length < needed) this.#packet = new Uint8Array(Math.ceil(needed * 1.25));
    return this.#packet.subarray(MAX_HEADER_SIZE, needed);
  }
}

/** One depth map as a packet in memory of its own; for many, keep a DepthPacker. */
export function encodeFrame(
  info: DepthFrameInfo,
  values: Float32Array,
  format: DepthFormat,
  deflate: Deflate,
  options?: PackOptions,
): Promise<Uint8Array> {
  return new DepthPacker(deflate).pack(info, values, format, options);
}

/**
 * Reads a packet, whoever sent it.
 * @throws DepthcastError BAD_PACKET, whatever is wrong with it
 */
export async function decodeFrame(packet: Uint8Array, inflate: Inflate = inflateRaw): Promise<DepthFrame> {
  const header = readHeader(packet);
  if (header.format === 'none') {
    if (header.packed) throw badPacket('an empty payload cannot be packed');
    return { ...header.info, format: 'none', values: new Float32Array(0) };
  }
  const raw = header.packed ? await unpack(header, inflate) : header.payload;
  const { width, height } = header.info;
  const codes = new Uint16Array(width * height);
  const bytes = VALUE_SIZE[header.format] as 1 | 2;
  if (header.packed) fromPlanes(raw, width, height, bytes, codes);
  else fromBytes(raw, codes.length, bytes, codes);
  return { ...header.info, format: header.format, values: valuesOf(codes, header) };
}

async function unpack({ payload, rawSize }: PacketHeader, inflate: Inflate): Promise<Uint8Array> {
  let raw: Uint8Array;
  try {
    raw = await inflate(payload, rawSize);
  } catch (error) {
    if (error instanceof DepthcastError) throw error;
    throw badPacket('the payload cannot be unpacked', error);
  }
  if (raw.length !== rawSize) throw badPacket(`the payload unpacks to ${raw.length} bytes instead of ${rawSize}`);
  return raw;
}

function valuesOf(codes: Uint16Array, header: PacketHeader): Float32Array {
  const values = new Float32Array(codes.length);
  if (header.format === 'u8') dequantise8(codes, header, values);
  else if (header.format === 'u16') dequantise16(codes, header, values);
  else {
    const table = halfTable();
    for (let i = 0; i < codes.length; i++) values[i] = table[codes[i]!]!;
    // Only where anchors made metres of them; otherwise halves come back bit by bit.
    const { offset, scale } = header;
    if (offset !== 0 || scale !== 1) for (let i = 0; i < codes.length; i++) values[i] = offset + scale * values[i]!;
  }
  if (header.inverse) for (let i = 0; i < values.length; i++) values[i] = inverted(values[i]!);
  return values;
}
