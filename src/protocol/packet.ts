import { DepthcastError } from '../errors.ts';
import { encodeHalves, halfTable } from './half.ts';
import { type Inflate, inflateRaw } from './inflate.ts';
import {
  type Affine,
  badPacket,
  checkInfo,
  headerSizeOf,
  type PacketHeader,
  readHeader,
  VALUE_SIZE,
  writeHeader,
} from './layout.ts';
import { fromBytes, fromPlanes, toBytes, toPlanes } from './planes.ts';
import { dequantise8, dequantise16, quantise8, quantise16, U16_STEPS } from './quantise.ts';
import type { DepthFormat, DepthFrame, DepthFrameInfo } from './types.ts';

/** A raw-deflate compressor (RFC 1951): zlib.deflateRaw in Node, CompressionStream in a browser. */
export type Deflate = (bytes: Uint8Array) => Promise<Uint8Array>;

/** Float formats store no affine map. */
const IDENTITY: Affine = { offset: 0, scale: 1 };

/** Turns depth maps into packets, one after the other, in memory that it reuses. */
export class DepthPacker {
  readonly #deflate: Deflate;
  readonly #steps: number;
  #codes = new Uint16Array(0);
  #planes = new Uint8Array(0);
  #packet = new Uint8Array(0);
  #busy = false;

  /**
   * @param steps of u16 over each frame's own range, at most 65534. Fewer drop bits that are noise and pack smaller;
   *   the error is half a step.
   */
  constructor(deflate: Deflate, { steps = U16_STEPS } = {}) {
    this.#deflate = deflate;
    this.#steps = steps;
  }

  /**
   * One packet: header and payload. The bytes are valid until the next call; calls may not overlap.
   * @param values row-major, width*height, in `info.unit`; ignored for format `none`
   * @throws DepthcastError BAD_PACKET when `info` and `values` do not make a depth map, INTERNAL on overlapping calls
   */
  async pack(info: DepthFrameInfo, values: Float32Array, format: DepthFormat): Promise<Uint8Array> {
    if (this.#busy) throw new DepthcastError('INTERNAL', { detail: 'a depth packet is already being packed' });
    this.#busy = true;
    try {
      return await this.#pack(info, values, format);
    } finally {
      this.#busy = false;
    }
  }

  async #pack(info: DepthFrameInfo, values: Float32Array, format: DepthFormat): Promise<Uint8Array> {
    checkInfo(info);
    if (format === 'none') {
      const packet = this.#packetOf(headerSizeOf(info));
      writeHeader(packet, info, format, false, IDENTITY);
      return packet;
    }
    const { width, height } = info;
    const count = width * height;
    if (values.length !== count) throw badPacket(`${values.length} values for ${width}x${height}`);
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
    const headerSize = headerSizeOf(info);
    const packet = this.#packetOf(headerSize + (packed ? deflated.length : planes.length));
    if (packed) packet.set(deflated, headerSize);
    else toBytes(this.#codes, count, bytes, packet.subarray(headerSize));
    writeHeader(packet, info, format, packed, affine);
    return packet;
  }

  #quantise(info: DepthFrameInfo, values: Float32Array, format: 'u8' | 'u16' | 'f16'): Affine {
    if (format === 'u8') return quantise8(values, info.near, info.far, this.#codes);
    if (format === 'u16') return quantise16(values, this.#codes, this.#steps);
    encodeHalves(values, this.#codes);
    return IDENTITY;
  }

  #packetOf(size: number): Uint8Array {
    if (this.#packet.length < size) this.#packet = new Uint8Array(Math.ceil(size * 1.25));
    return this.#packet.subarray(0, size);
  }
}

/** One depth map as a packet in memory of its own; for many, keep a DepthPacker. */
export function encodeFrame(
  info: DepthFrameInfo,
  values: Float32Array,
  format: DepthFormat,
  deflate: Deflate,
): Promise<Uint8Array> {
  return new DepthPacker(deflate).pack(info, values, format);
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
  }
  return values;
}
