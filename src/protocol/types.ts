/** How depth values are stored in a packet. `none` carries the frame's metadata alone. */
export const DEPTH_FORMATS = ['none', 'u8', 'u16', 'f16'] as const;
export type DepthFormat = (typeof DEPTH_FORMATS)[number];

/** What a depth value means: disparity (1/z) up to an unknown scale and shift, or metres along the optical axis. */
export type DepthUnit = 'disparity' | 'metres';

/** Everything that travels with a depth map. */
export interface DepthFrameInfo {
  /** Counts the depth maps of a stream from 0; wraps at 2^32. */
  frameId: number;
  /** Increments whenever the network's temporal memory was reset. */
  epoch: number;
  /** RTP timestamp of the source frame (90 kHz, 32 bit): the identity that a browser sees too. */
  rtpTimestamp: number;
  /**
   * Capture time by the sender's clock, in milliseconds since the Unix epoch: as the sender told it (abs-capture-time), or,
   * where `captureTimeError` is there, estimated from its RTCP sender reports.
   */
  captureTime?: number;
  /** By how many milliseconds the estimate may be wrong; absent where the sender told the time itself. */
  captureTimeError?: number;
  /** Size of the depth map in pixels. */
  width: number;
  height: number;
  /** Size of the source picture in pixels; depth pixel centres map linearly onto it. */
  sourceWidth: number;
  sourceHeight: number;
  unit: DepthUnit;
  /** Display range, in value units: `near` is the value shown brightest, `far` the one shown darkest. */
  near: number;
  far: number;
  /** Milliseconds from the last packet of the source frame to this depth map leaving, where known. */
  latency?: number;
}

/** A depth map with its values in `unit`, row by row from the top left. Empty when the format was `none`. */
export interface DepthFrame extends DepthFrameInfo {
  format: DepthFormat;
  /** Row-major, width*height values; length 0 for format `none`. */
  values: Float32Array;
}
