import { join } from './packet.ts';
import type { Emit, PayloadFormat } from './payload-format.ts';

/** VP8 over RTP (RFC 7741). */
export interface Vp8Descriptor {
  /** First packet of a frame: S set and partition 0. */
  start: boolean;
  /** Offset of the VP8 data in the payload. */
  dataAt: number;
}

const START_CODE = [0x9d, 0x01, 0x2a] as const;
/** Descriptor with a 15-bit picture id. */
export const VP8_DESCRIPTOR_BYTES = 4;

/** @returns undefined where the descriptor is malformed or nothing follows it */
export function parseVp8Descriptor(payload: Uint8Array): Vp8Descriptor | undefined {
  const first = payload[0];
  if (first === undefined) return undefined;
  let at = 1;
  if (first & 0x80) {
    const flags = payload[at++] ?? 0;
    if (flags & 0x80) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
    if (flags & 0x40) at++;
    if (flags & 0x30) at++;
  }
  if (at >= payload.length) return undefined;
  return { start: (first & 0x10) !== 0 && (first & 0x07) === 0, dataAt: at };
}

/** Whether these first bytes of a VP8 frame (RFC 6386 section 9.1) begin a keyframe. */
export function isVp8Keyframe(frame: Uint8Array): boolean {
  return (
    frame.length >= 10 &&
    (frame[0]! & 1) === 0 &&
    frame[3] === START_CODE[0] &&
    frame[4] === START_CODE[1] &&
    frame[5] === START_CODE[2]
  );
}

/**
 * Cuts a frame into payloads of about equal size (so that no tiny packet ends the frame).
 * @param pictureId 15 bit
 * @param maxPayload bytes, descriptor included
 * @param emit gets a slot of `size` bytes to fill through `write`; `last` marks the frame's end
 */
export function packetizeVp8(frame: Uint8Array, pictureId: number, maxPayload: number, emit: Emit): void {
  const count = Math.max(1, Math.ceil(frame.length / (maxPayload - VP8_DESCRIPTOR_BYTES)));
  for (let i = 0; i < count; i++) {
    const start = Math.floor((frame.length * i) / count);
    const end = Math.floor((frame.length * (i + 1)) / count);
    emit(VP8_DESCRIPTOR_BYTES + end - start, i === count - 1, (target, at) => {
      target[at] = i === 0 ? 0x90 : 0x80;
      target[at + 1] = 0x80;
      target.writeUInt16BE(0x8000 | pictureId, at + 2);
      target.set(frame.subarray(start, end), at + VP8_DESCRIPTOR_BYTES);
    });
  }
}

function opens(payload: Buffer): boolean {
  const descriptor = parseVp8Descriptor(payload);
  return descriptor?.start === true && isVp8Keyframe(payload.subarray(descriptor.dataAt));
}

function assembleVp8(payloads: readonly Buffer[]): { data: Buffer; keyframe: boolean } | undefined {
  const parts: Buffer[] = [];
  for (const [index, payload] of payloads.entries()) {
    const descriptor = parseVp8Descriptor(payload);
    if (!descriptor || descriptor.start !== (index === 0)) return undefined;
    parts.push(payload.subarray(descriptor.dataAt));
  }
  const data = join(parts);
  if (data.length < 3) return undefined;
  const intra = (data[0]! & 1) === 0;
  // A keyframe without its start code is damaged.
  if (intra && !isVp8Keyframe(data)) return undefined;
  return { data, keyframe: intra };
}

export const vp8Format: PayloadFormat = {
  start: (payload) => (parseVp8Descriptor(payload)?.start ? 'sure' : undefined),
  opensKeyframe: (payload) => (opens(payload) ? 'yes' : undefined),
  carriesKeyframe: opens,
  depacketizer: () => ({ assemble: assembleVp8 }),
  packetize: packetizeVp8,
};
