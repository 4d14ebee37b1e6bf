import { join } from './packet.ts';
import type { Depacketizer, PayloadFormat } from './payload-format.ts';

/** The payload descriptor of VP9 (RFC 9628 section 4.2). */
export interface Vp9Descriptor {
  /** Begins and ends a frame: a whole picture, or one spatial layer of it. */
  start: boolean;
  end: boolean;
  /** Predicted from other pictures. */
  predicted: boolean;
  spatialLayer: number;
  /** Offset of the VP9 data in the payload. */
  dataAt: number;
}

const MAX_REFERENCES = 3;
const MAX_LAYERS = 8;

/** @returns undefined where the descriptor is malformed or nothing follows it */
export function parseVp9Descriptor(payload: Uint8Array): Vp9Descriptor | undefined {
  const first = payload[0] ?? 0;
  const has = (bit: number) => (first & bit) !== 0;
  let at = 1;
  if (has(0x80)) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
  let spatialLayer = 0;
  if (has(0x20)) {
    spatialLayer = ((payload[at] ?? 0) >> 1) & 7;
    // Without flexible mode, TL0PICIDX follows.
    at += has(0x10) ? 1 : 2;
  }
  if (has(0x10) && has(0x40)) {
    let references = 1;
    while ((payload[at++] ?? 0) & 1) if (++references > MAX_REFERENCES) return undefined;
  }
  if (has(0x02)) at = skipScalability(payload, at);
  if (at >= payload.length) return undefined;
  return { start: has(0x08), end: has(0x04), predicted: has(0x40), spatialLayer, dataAt: at };
}

/** The scalability structure: sizes of the layers and a description of the pictures' dependencies. */
function skipScalability(payload: Uint8Array, start: number): number {
  const head = payload[start] ?? 0;
  let at = start + 1;
  if (head & 0x10) at += 4 * ((head >> 5) + 1);
  if (head & 0x08) {
    const pictures = payload[at++] ?? 0;
    for (let n = 0; n < pictures; n++) at += 1 + (((payload[at] ?? 0) >> 2) & 3);
  }
  return at;
}

/** Whether these bytes begin a keyframe (VP9 bitstream specification, 6.2). */
export function isVp9Keyframe(frame: Uint8Array): boolean {
  const first = frame[0] ?? 0;
  if (first >> 6 !== 2) return false;
  // Of profile 3, a reserved bit stands before show_existing_frame and frame_type.
  const shift = (first & 0x30) === 0x30 ? 1 : 2;
  return ((first >> shift) & 3) === 0;
}

const isFirst = (descriptor: Vp9Descriptor | undefined): descriptor is Vp9Descriptor =>
  descriptor?.start === true && descriptor.spatialLayer === 0;

function opens(payload: Buffer): boolean {
  const descriptor = parseVp9Descriptor(payload);
  return isFirst(descriptor) && !descriptor.predicted && isVp9Keyframe(payload.subarray(descriptor.dataAt));
}

/** Puts pictures together; spatial layers become a superframe (annex B), whose last frame is what is shown. */
class Vp9Depacketizer implements Depacketizer {
  assemble(payloads: readonly Buffer[]): { data: Buffer; keyframe: boolean } | undefined {
    const frames: Buffer[] = [];
    let parts: Buffer[] | undefined;
    for (const payload of payloads) {
      const descriptor = parseVp9Descriptor(payload);
      if (!descriptor || descriptor.start !== (parts === undefined)) return undefined;
      if (frames.length === 0 && parts === undefined && !isFirst(descriptor)) return undefined;
      parts ??= [];
      parts.push(payload.subarray(descriptor.dataAt));
      if (!descriptor.end) continue;
      frames.push(join(parts));
      parts = undefined;
      if (frames.length > MAX_LAYERS) return undefined;
    }
    if (parts !== undefined || frames.length === 0) return undefined;
    return { data: frames.length === 1 ? frames[0]! : superframe(frames), keyframe: isVp9Keyframe(frames[0]!) };
  }
}

function superframe(frames: readonly Buffer[]): Buffer {
  const bytes = 4;
  const marker = 0xc0 | ((bytes - 1) << 3) | (frames.length - 1);
  const index = Buffer.alloc(2 + bytes * frames.length, marker);
  for (const [n, { length }] of frames.entries()) index.writeUInt32LE(length, 1 + bytes * n);
  return join([...frames, index]);
}

export const vp9Format: PayloadFormat = {
  start: (payload) => (isFirst(parseVp9Descriptor(payload)) ? 'sure' : undefined),
  opensKeyframe: (payload) => (opens(payload) ? 'yes' : undefined),
  carriesKeyframe: opens,
  depacketizer: () => new Vp9Depacketizer(),
  packetize: undefined,
};
