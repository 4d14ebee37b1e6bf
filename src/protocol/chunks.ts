import { badPacket } from './layout.ts';

/** Byte offset of every field of a chunk's header; all little endian. docs/protocol.md documents each. */
export const CHUNK_FIELDS = {
  magic: [0, 'u8[2]'],
  version: [2, 'u8'],
  reserved: [3, 'u8'],
  sequence: [4, 'u32'],
  index: [8, 'u16'],
  count: [10, 'u16'],
  packetSize: [12, 'u32'],
} as const;

export const CHUNK_HEADER_SIZE = 16;
/** "DC" */
const CHUNK_MAGIC = 0x4344;
const CHUNK_VERSION = 1;
/** Bytes of a data-channel message that every browser takes without fragmenting trouble, header included. */
export const MAX_CHUNK = 16 * 1024;
const MAX_COUNT = 0xffff;

/**
 * Cuts a packet into data-channel messages of at most `maxChunk` bytes, header included. The payloads are of equal
 * size, ceil(packetSize/count), but for a shorter last one. The messages are copies: the packet may be reused.
 * @param sequence counts the packets of a channel; wraps at 2^32
 */
export function chunk(packet: Uint8Array, sequence: number, maxChunk = MAX_CHUNK): Uint8Array[] {
  const payloadSize = maxChunk - CHUNK_HEADER_SIZE;
  const count = Math.ceil(packet.length / payloadSize);
  if (payloadSize < 1 || packet.length < 1 || count > MAX_COUNT)
    throw badPacket(`${packet.length} bytes do not fit chunks of ${maxChunk}`);
  const size = Math.ceil(packet.length / count);
  return Array.from({ length: count }, (_, index) => {
    const payload = packet.subarray(index * size, (index + 1) * size);
    const message = new Uint8Array(CHUNK_HEADER_SIZE + payload.length);
    const view = new DataView(message.buffer);
    view.setUint16(0, CHUNK_MAGIC, true);
    view.setUint8(2, CHUNK_VERSION);
    view.setUint32(4, sequence, true);
    view.setUint16(8, index, true);
    view.setUint16(10, count, true);
    view.setUint32(12, packet.length, true);
    message.set(payload, CHUNK_HEADER_SIZE);
    return message;
  });
}

interface ChunkHeader {
  sequence: number;
  index: number;
  count: number;
  packetSize: number;
  payload: Uint8Array;
}

function readChunk(message: Uint8Array, maxPacket: number): ChunkHeader {
  if (message.length <= CHUNK_HEADER_SIZE) throw badPacket(`a chunk of ${message.length} bytes`);
  const view = new DataView(message.buffer, message.byteOffset, CHUNK_HEADER_SIZE);
  if (view.getUint16(0, true) !== CHUNK_MAGIC) throw badPacket('a chunk does not start with DC');
  if (view.getUint8(2) !== CHUNK_VERSION) throw badPacket(`chunk version ${view.getUint8(2)} is not known`);
  const sequence = view.getUint32(4, true);
  const index = view.getUint16(8, true);
  const count = view.getUint16(10, true);
  const packetSize = view.getUint32(12, true);
  const payload = message.subarray(CHUNK_HEADER_SIZE);
  if (packetSize > maxPacket) throw badPacket(`a packet of ${packetSize} bytes is larger than ${maxPacket}`);
  if (index >= count) throw badPacket(`chunk ${index} of ${count}`);
  const size = Math.ceil(packetSize / count);
  if (payload.length !== Math.min(size, packetSize - index * size)) throw badPacket('a chunk of the wrong size');
  return { sequence, index, count, packetSize, payload };
}

interface PartialPacket {
  sequence: number;
  packetSize: number;
  count: number;
  /** By index. A map, so that a claimed count costs no memory. */
  payloads: Map<number, Uint8Array>;
}

export interface ReassemblerStats {
  /** Packets handed out. */
  packets: number;
  /** Packets given up with chunks missing: a newer one was complete, or there were too many at once. */
  incomplete: number;
  /** Chunks that were already there. */
  duplicates: number;
  /** Chunks of packets that were handed out, given up, or overtaken. */
  stale: number;
  /** Messages that are no chunk, or contradict an earlier one. */
  malformed: number;
}

export interface ReassemblerOptions {
  /** Most bytes of one packet. */
  maxPacket?: number;
  /** Most packets under way at once; one more gives up the oldest. */
  maxPartial?: number;
}

/** Serial number arithmetic over 32 bits (RFC 1982): whether `a` comes after `b`. */
const isNewer = (a: number, b: number): boolean => ((a - b) | 0) > 0;

/** Puts packets together from chunks that come in any order, twice or never. Newer packets overtake older ones. */
export class Reassembler {
  readonly stats: ReassemblerStats = { packets: 0, incomplete: 0, duplicates: 0, stale: 0, malformed: 0 };
  readonly #maxPacket: number;
  readonly #maxPartial: number;
  /** Oldest first. */
  #partials: PartialPacket[] = [];
  /** Every packet up to this sequence is done with. */
  #horizon: number | undefined;

  constructor({ maxPacket = 16 * 1024 * 1024, maxPartial = 4 }: ReassemblerOptions = {}) {
    this.#maxPacket = maxPacket;
    this.#maxPartial = maxPartial;
  }

  /**
   * Takes one message and returns the packet that it completes, if any. The message's memory is kept until then.
   * Packets come out in rising sequence.
   * @throws DepthcastError BAD_PACKET when the message is no chunk or contradicts an earlier one; what was collected stays
   */
  push(message: Uint8Array): Uint8Array | undefined {
    try {
      return this.#push(readChunk(message, this.#maxPacket));
    } catch (error) {
      this.stats.malformed++;
      throw error;
    }
  }

  #push({ sequence, index, count, packetSize, payload }: ChunkHeader): Uint8Array | undefined {
    if (this.#horizon !== undefined && !isNewer(sequence, this.#horizon)) {
      this.stats.stale++;
      return;
    }
    const partial = this.#partials.find((p) => p.sequence === sequence) ?? this.#open(sequence, count, packetSize);
    if (partial.count !== count || partial.packetSize !== packetSize)
      throw badPacket('a chunk contradicts an earlier one of the same packet');
    if (partial.payloads.has(index)) {
      this.stats.duplicates++;
      return;
    }
    partial.payloads.set(index, payload);
    if (partial.payloads.size === count) return this.#complete(partial);
    if (this.#partials.length > this.#maxPartial) this.#giveUpThrough(this.#partials[0]!.sequence);
  }

  #open(sequence: number, count: number, packetSize: number): PartialPacket {
    const partial = { sequence, packetSize, count, payloads: new Map<number, Uint8Array>() };
    const at = this.#partials.findIndex((p) => isNewer(p.sequence, sequence));
    this.#partials.splice(at < 0 ? this.#partials.length : at, 0, partial);
    return partial;
  }

  #complete(partial: PartialPacket): Uint8Array {
    this.stats.packets++;
    this.#partials = this.#partials.filter((p) => p !== partial);
    this.#giveUpThrough(partial.sequence);
    const packet = new Uint8Array(partial.packetSize);
    const size = Math.ceil(partial.packetSize / partial.count);
    for (const [index, payload] of partial.payloads) packet.set(payload, index * size);
    return packet;
  }

  /** Drops every packet under way up to `sequence` and whatever still comes of it. */
  #giveUpThrough(sequence: number): void {
    const kept = this.#partials.filter((p) => isNewer(p.sequence, sequence));
    this.stats.incomplete += this.#partials.length - kept.length;
    this.#partials = kept;
    this.#horizon = sequence;
  }
}
