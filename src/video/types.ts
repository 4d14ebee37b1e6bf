import type { VideoCodec } from '../codecs.ts';

export type { VideoCodec };

/** One whole compressed picture, as it came off the wire or goes onto it. */
export interface EncodedFrame {
  codec: VideoCodec;
  /** VP8 or VP9 frame (or superframe), H.264 or H.265 access unit in Annex B form, AV1 temporal unit. */
  data: Uint8Array;
  keyframe: boolean;
  /** 90 kHz, 32 bit. */
  rtpTimestamp: number;
  /** Capture time in ms since the Unix epoch: told by the sender (abs-capture-time), or with an error estimated. */
  captureTime?: number;
  /** ms by which an estimate may be wrong; absent where the sender told the time. */
  captureTimeError?: number;
  /** `performance.now()` when the first and the last packet arrived. Absent on frames of our own encoders. */
  firstPacketAt?: number;
  lastPacketAt?: number;
}
