export type VideoCodec = 'VP8' | 'H264';

/** One whole compressed picture, as it came off the wire or goes onto it. */
export interface EncodedFrame {
  codec: VideoCodec;
  /** VP8 frame (RFC 6386) or H.264 access unit in Annex B form. */
  data: Uint8Array;
  keyframe: boolean;
  /** 90 kHz, 32 bit. */
  rtpTimestamp: number;
  /** Capture time in ms since the Unix epoch, where the sender told it (abs-capture-time). */
  captureTime?: number;
  /** `performance.now()` when the first and the last packet arrived. Absent on frames of our own encoders. */
  firstPacketAt?: number;
  lastPacketAt?: number;
}
