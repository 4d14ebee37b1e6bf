import { randomInt } from 'node:crypto';

/** RTP packets (RFC 3550) and their header extensions (RFC 8285). Offsets index the packet itself: nothing is copied. */
export interface RtpPacket {
  payloadType: number;
  /** 16 bit. */
  sequenceNumber: number;
  /** 32 bit; 90 kHz for video. */
  timestamp: number;
  ssrc: number;
  marker: boolean;
  /** Without padding; empty for a padding-only packet. */
  payload: Buffer;
  /** Raw header extension block, or undefined. */
  extensions: RtpExtensions | undefined;
}

/** A header extension block: its RFC 8285 profile and body. */
export interface RtpExtensions {
  profile: number;
  body: Buffer;
}

export const RTP_HEADER_BYTES = 12;
const ONE_BYTE_PROFILE = 0xbede;
const TWO_BYTE_PROFILE = 0x1000;

/**
 * Where a stream begins to count: at random, in the lower half, so that a receiver that misses its first packets still knows
 * how often the number has rolled over (RFC 3711 section 3.3.1).
 */
export const firstSequenceNumber = (): number => randomInt(0x8000);

/** RFC 5761: RTCP packet types 192..223 look like payload types 64..95. */
export function isRtcp(packet: Uint8Array): boolean {
  const type = packet[1]! & 0x7f;
  return type >= 64 && type < 96;
}

/** Length of header, CSRCs and extensions; undefined where the packet is too short for what it announces. */
export function rtpHeaderLength(packet: Buffer): number | undefined {
  if (packet.length < RTP_HEADER_BYTES || packet[0]! >> 6 !== 2) return undefined;
  let length = RTP_HEADER_BYTES + 4 * (packet[0]! & 0x0f);
  if (packet[0]! & 0x10) {
    if (packet.length < length + 4) return undefined;
    length += 4 + 4 * packet.readUInt16BE(length + 2);
  }
  return length <= packet.length ? length : undefined;
}

/**
 * Reads a packet whose payload has been decrypted apart from its header, as SRTP leaves it.
 * @returns undefined for anything that is not valid RTP.
 */
export function parseRtp(header: Buffer, plainPayload: Buffer): RtpPacket | undefined {
  const first = header[0]!;
  let payload = plainPayload;
  if (first & 0x20) {
    const padding = payload[payload.length - 1];
    if (padding === undefined || padding === 0 || padding > payload.length) return undefined;
    payload = payload.subarray(0, payload.length - padding);
  }
  let extensions: RtpExtensions | undefined;
  if (first & 0x10) {
    const at = RTP_HEADER_BYTES + 4 * (first & 0x0f);
    extensions = { profile: header.readUInt16BE(at), body: header.subarray(at + 4) };
  }
  return {
    payloadType: header[1]! & 0x7f,
    marker: header[1]! >= 0x80,
    sequenceNumber: header.readUInt16BE(2),
    timestamp: header.readUInt32BE(4),
    ssrc: header.readUInt32BE(8),
    payload,
    extensions,
  };
}

/** The element with this id, or undefined. Understands the one- and two-byte forms. */
export function findExtension({ profile, body }: RtpExtensions, id: number): Buffer | undefined {
  const twoByte = (profile & 0xfff0) === TWO_BYTE_PROFILE;
  if (!twoByte && profile !== ONE_BYTE_PROFILE) return undefined;
  let at = 0;
  while (at < body.length) {
    const head = body[at]!;
    if (head === 0) {
      at++;
      continue;
    }
    const found = twoByte ? head : head >> 4;
    if (!twoByte && found === 15) return undefined;
    if (twoByte && at + 1 >= body.length) return undefined;
    const length = twoByte ? body[at + 1]! : (head & 0x0f) + 1;
    const start = at + (twoByte ? 2 : 1);
    if (start + length > body.length) return undefined;
    if (found === id) return body.subarray(start, start + length);
    at = start + length;
  }
  return undefined;
}

/** An extension element to write: id 1..14, 1..16 bytes. */
export interface ExtensionElement {
  id: number;
  data: Uint8Array;
}

/** The one-byte form, header of the block included, padded to 32 bits; empty without elements. */
export function writeExtensions(elements: readonly ExtensionElement[]): Buffer {
  if (elements.length === 0) return Buffer.alloc(0);
  let length = 0;
  for (const { data } of elements) length += 1 + data.length;
  const words = Math.ceil(length / 4);
  const block = Buffer.alloc(4 + 4 * words);
  block.writeUInt16BE(ONE_BYTE_PROFILE, 0);
  block.writeUInt16BE(words, 2);
  let at = 4;
  for (const { id, data } of elements) {
    block[at] = (id << 4) | (data.length - 1);
    block.set(data, at + 1);
    at += 1 + data.length;
  }
  return block;
}

/** Writes the fixed header at the start of `target`. */
export function writeRtpHeader(
  target: Buffer,
  fields: {
    payloadType: number;
    marker: boolean;
    sequenceNumber: number;
    timestamp: number;
    ssrc: number;
    extended: boolean;
  },
): void {
  target[0] = fields.extended ? 0x90 : 0x80;
  target[1] = (fields.marker ? 0x80 : 0) | fields.payloadType;
  target.writeUInt16BE(fields.sequenceNumber, 2);
  target.writeUInt32BE(fields.timestamp, 4);
  target.writeUInt32BE(fields.ssrc, 8);
}

/** Signed distance from b to a on the 16-bit circle, -32768..32767. */
export function sequenceDistance(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** Signed distance from b to a on the 32-bit circle. */
export function timestampDistance(a: number, b: number): number {
  return (a - b) | 0;
}

/** Like Buffer.concat, but never in Node's shared pool: the result may be transferred to another thread. */
export function join(parts: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
