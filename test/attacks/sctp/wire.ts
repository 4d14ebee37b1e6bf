// SCTP packets (RFC 9260) for an attacker: everything can be made, nothing is checked.

export const CHUNK = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  shutdownComplete: 14,
  reConfig: 130,
  forwardTsn: 192,
} as const;

export const FIRST = 2;
export const LAST = 1;
export const UNORDERED = 4;
const HEADER_BYTES = 12;

const CRC32C = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

function crc32c(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC32C[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

export function u32(...values: number[]): Buffer {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => void out.writeUInt32BE(value >>> 0, 4 * i));
  return out;
}

export function u16(...values: number[]): Buffer {
  const out = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => void out.writeUInt16BE(value & 0xffff, 2 * i));
  return out;
}

/** @param length what the chunk claims, its true length by default */
export function chunk(type: number, flags: number, body: Buffer, length = 4 + body.length): Buffer {
  const padding = Buffer.alloc((4 - (body.length % 4)) % 4);
  return Buffer.concat([Buffer.from([type, flags]), u16(length), body, padding]);
}

export function data(
  tsn: number,
  stream: number,
  sequence: number,
  ppid: number,
  flags: number,
  payload: Buffer,
): Buffer {
  return chunk(CHUNK.data, flags, Buffer.concat([u32(tsn), u16(stream, sequence), u32(ppid), payload]));
}

export function packet(tag: number, ...chunks: Buffer[]): Buffer {
  return seal(Buffer.concat([u16(5000, 5000), u32(tag, 0), ...chunks]));
}

/** Sets the checksum. */
export function seal(bytes: Buffer): Buffer {
  if (bytes.length < HEADER_BYTES) return bytes;
  bytes.writeUInt32LE(0, 8);
  bytes.writeUInt32LE(crc32c(bytes), 8);
  return bytes;
}

export interface Chunk {
  type: number;
  flags: number;
  body: Buffer;
}

export function* chunks(bytes: Buffer): Generator<Chunk> {
  for (let at = HEADER_BYTES; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    yield { type: bytes[at]!, flags: bytes[at + 1]!, body: bytes.subarray(at + 4, at + length) };
    at += 4 * Math.ceil(length / 4);
  }
}
