import { expect } from 'vitest';
import type { EncodedFrame, VideoCodec } from '../../src/video/types.ts';
import { packetizeH264 } from '../../src/webrtc/rtp/h264.ts';
import type { MediaPacket } from '../../src/webrtc/rtp/media-packet.ts';
import { packetizeVp8 } from '../../src/webrtc/rtp/vp8.ts';

const MAX_PAYLOAD = 200;
export const FRAME_TICKS = 3000;
const START_CODE = [0, 0, 0, 1];

/** Bytes that differ from frame to frame and hold no start code. */
function filler(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => 1 + ((seed * 131 + i * 7) % 250));
}

function frameData(codec: VideoCodec, index: number, keyframe: boolean, size: number): Uint8Array {
  const body = filler(index, size);
  if (codec === 'VP8')
    return Uint8Array.of(
      keyframe ? 0x10 : 0x11,
      1,
      1,
      ...(keyframe ? [0x9d, 0x01, 0x2a] : [1, 1, 1]),
      1,
      1,
      1,
      1,
      ...body,
    );
  const slice = [...START_CODE, keyframe ? 0x65 : 0x41, ...body];
  return Uint8Array.from(
    keyframe ? [...START_CODE, 0x67, 66, 192, 31, ...START_CODE, 0x68, 206, 60, 128 + 1, ...slice] : slice,
  );
}

/** A frame, and the packets that carry it. */
export interface SentFrame {
  frame: EncodedFrame;
  packets: MediaPacket[];
}

/** A stream as a sender makes it, its packets numbered from `first`. The first frame is a keyframe. */
export function sentFrames(
  codec: VideoCodec,
  plan: readonly { keyframe: boolean; size: number; padding?: boolean }[],
  first: number,
): SentFrame[] {
  let sequence = first;
  return plan.map(({ keyframe, size, padding }, index) => {
    const data = frameData(codec, index, keyframe || index === 0, size);
    const timestamp = (0xffff_0000 + index * FRAME_TICKS) >>> 0;
    const packets: MediaPacket[] = [];
    const push = (payload: Buffer, marker: boolean) =>
      packets.push({
        sequence: sequence++,
        timestamp,
        marker,
        codec,
        payload,
        arrivedAt: sequence,
        captureTime: undefined,
      });
    const emit = (length: number, last: boolean, write: (target: Buffer, at: number) => void) => {
      const payload = Buffer.alloc(length);
      write(payload, 0);
      push(payload, last);
    };
    if (codec === 'VP8') packetizeVp8(data, index & 0x7fff, MAX_PAYLOAD, emit);
    else packetizeH264(data, MAX_PAYLOAD, emit);
    if (padding) push(Buffer.alloc(0), false);
    return { frame: { codec, data, keyframe: keyframe || index === 0, rtpTimestamp: timestamp }, packets };
  });
}

/** Frames of VP8, of the same size, from timestamps FRAME_TICKS apart. */
export const vp8 = (keyframes: readonly boolean[], size = 300, first = 0) =>
  sentFrames(
    'VP8',
    keyframes.map((keyframe) => ({ keyframe, size })),
    first,
  );
export const times = (sources: readonly SentFrame[], ...of: number[]) => of.map((i) => sources[i]!.frame.rtpTimestamp);

/** Every frame that came out is one that went in, whole, in order, and never without what it depends on. */
export function checkSound(sources: readonly SentFrame[], frames: readonly EncodedFrame[]): void {
  let last = -1;
  for (const frame of frames) {
    const index = sources.findIndex((source) => source.frame.rtpTimestamp === frame.rtpTimestamp);
    expect(index).toBeGreaterThan(last);
    const { data, keyframe } = sources[index]!.frame;
    expect(Buffer.compare(Buffer.from(frame.data), Buffer.from(data))).toBe(0);
    expect(frame.keyframe).toBe(keyframe);
    if (!keyframe) expect(index).toBe(last + 1);
    last = index;
  }
}
