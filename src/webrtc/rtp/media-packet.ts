import type { VideoCodec } from '../../video/types.ts';

/** A packet of the video stream, in the order in which it came. */
export interface MediaPacket {
  /** Extended: never wraps. */
  sequence: number;
  timestamp: number;
  marker: boolean;
  codec: VideoCodec;
  /** Empty for padding. */
  payload: Buffer;
  /** `performance.now()`. */
  arrivedAt: number;
  /** From abs-capture-time, where this packet carries it: ms since the Unix epoch. */
  captureTime: number | undefined;
}
