import { join } from './packet.ts';
import type { Depacketizer, PayloadFormat } from './payload-format.ts';

// AV1 over RTP (https://aomediacodec.github.io/av1-rtp-spec/, version 1.0): open bitstream units (OBUs) without their sizes,
// several in one packet or one in several.

/** Of the aggregation header: continues an OBU, is continued, count of OBUs, first packet of a coded video sequence. */
const Z = 0x80;
const Y = 0x40;
const N = 0x08;
const count = (header: number): number => (header >> 4) & 3;

const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;
const FRAME_HEADER = 3;
const FRAME = 6;
const TILE_LIST = 8;
const PADDING = 15;
const HAS_EXTENSION = 0x04;
const HAS_SIZE = 0x02;
const DELIMITER = Buffer.from([(TEMPORAL_DELIMITER << 3) | HAS_SIZE, 0]);
/** A unit has a few OBUs a layer and one for each tile group. */
const MAX_OBUS = 512;

const obuType = (obu: Uint8Array): number => ((obu[0] ?? 0) >> 3) & 15;

/** @returns the value and the offset behind it; undefined where it does not end */
function readLeb128(data: Uint8Array, start: number): { value: number; at: number } | undefined {
  let value = 0;
  for (let n = 0; n < 5; n++) {
    const byte = data[start + n];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * n);
    if ((byte & 0x80) === 0) return { value, at: start + n + 1 };
  }
  return undefined;
}

function leb128(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.from(bytes);
}

/** The OBU elements of a payload (section 4.3); undefined where their lengths do not fit. */
export function obuElements(payload: Buffer): Buffer[] | undefined {
  const total = count(payload[0]!);
  const elements: Buffer[] = [];
  for (let at = 1; at < payload.length; ) {
    // With a count, the last element goes to the end of the payload.
    if (total > 0 && elements.length === total - 1) {
      elements.push(payload.subarray(at));
      return elements;
    }
    const length = readLeb128(payload, at);
    if (!length || length.at + length.value > payload.length || elements.length >= MAX_OBUS) return undefined;
    elements.push(payload.subarray(length.at, length.at + length.value));
    at = length.at + length.value;
  }
  return elements.length > 0 && (total === 0 || elements.length === total) ? elements : undefined;
}

/** Puts temporal units together in the low-overhead form (AV1 specification, 5.2), which decoders take. */
class Av1Depacketizer implements Depacketizer {
  assemble(payloads: readonly Buffer[]): { data: Buffer; keyframe: boolean } | undefined {
    const obus: Buffer[] = [];
    let open: Buffer[] | undefined;
    for (const payload of payloads) {
      const elements = obuElements(payload);
      if (!elements || ((payload[0]! & Z) !== 0) !== (open !== undefined)) return undefined;
      for (const [n, element] of elements.entries()) {
        const parts: Buffer[] = n === 0 && open ? open : [];
        open = undefined;
        parts.push(element);
        if (n === elements.length - 1 && payload[0]! & Y) open = parts;
        else obus.push(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
      }
      if (obus.length > MAX_OBUS) return undefined;
    }
    if (open) return undefined;
    const parts: Buffer[] = [DELIMITER];
    let keyframe: boolean | undefined;
    let sequence = false;
    for (const obu of obus) {
      const type = obuType(obu);
      if (obu.length === 0 || type === TEMPORAL_DELIMITER || type === TILE_LIST || type === PADDING) continue;
      sequence ||= type === SEQUENCE_HEADER;
      const content = contentOf(obu);
      if (!content) return undefined;
      if (type === FRAME || type === FRAME_HEADER) keyframe ??= isKeyFrameHeader(content);
      parts.push(Buffer.from([obu[0]! | HAS_SIZE]), obu.subarray(1, headerBytes(obu)), leb128(content.length), content);
    }
    if (keyframe === undefined) return { data: Buffer.alloc(0), keyframe: false };
    return { data: join(parts), keyframe: keyframe && sequence };
  }
}

const headerBytes = (obu: Uint8Array): number => (obu[0]! & HAS_EXTENSION ? 2 : 1);

/** What follows an OBU's header, and its size where it has one although it need not. */
function contentOf(obu: Buffer): Buffer | undefined {
  const at = headerBytes(obu);
  if (obu.length < at) return undefined;
  if ((obu[0]! & HAS_SIZE) === 0) return obu.subarray(at);
  const size = readLeb128(obu, at);
  return size && size.at + size.value <= obu.length ? obu.subarray(size.at, size.at + size.value) : undefined;
}

/** show_existing_frame 0 and frame_type KEY_FRAME (AV1 specification, 5.9.2). */
const isKeyFrameHeader = (content: Uint8Array): boolean => ((content[0] ?? 0xff) & 0xe0) === 0;

/** A coded video sequence begins with a keyframe; senders that do not mark it send its header first. */
function opensSequence(payload: Buffer): boolean {
  const header = payload[0]!;
  if (header & Z) return false;
  if (header & N) return true;
  const [first, second] = obuElements(payload) ?? [];
  const types = [first, second].map((obu) => (obu && obu.length > 0 ? obuType(obu) : -1));
  return types[0] === SEQUENCE_HEADER || (types[0] === TEMPORAL_DELIMITER && types[1] === SEQUENCE_HEADER);
}

export const av1Format: PayloadFormat = {
  start: (payload) => (opensSequence(payload) ? 'sure' : undefined),
  opensKeyframe: (payload) => (opensSequence(payload) ? 'yes' : undefined),
  carriesKeyframe: opensSequence,
  depacketizer: () => new Av1Depacketizer(),
  packetize: undefined,
};
