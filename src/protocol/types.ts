import type { Intrinsics } from './camera.ts';

/** How depth values are stored in a packet. `none` carries the frame's metadata alone. */
export const DEPTH_FORMATS = ['none', 'u8', 'u16', 'f16'] as const;
export type DepthFormat = (typeof DEPTH_FORMATS)[number];

/** What a depth value means: disparity (1/z) up to an unknown scale and shift, or metres along the optical axis. */
export type DepthUnit = 'disparity' | 'metres';

/** How well metres that were fitted to anchors are known. */
export interface AnchorAccuracy {
  /** Anchors in the fit, at most 65535. */
  anchors: number;
  /** v0, v1, v2: the variance of the inverse depth q = 1 / metres is v0 + v1 q + v2 q^2, in 1/m^2. `metresError` reads it. */
  variance: readonly [number, number, number];
}

/** What makes metres of a network's values: of disparity 1 / (scale * value + shift), of metres scale * value (shift is 0). */
export interface MetricMap extends AnchorAccuracy {
  scale: number;
  shift: number;
}

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
  /** The camera of the source picture. Packets of version 1 carry none: it is then what is assumed of any camera. */
  intrinsics?: Intrinsics;
  /** Where the metres came of anchors; absent where the network itself gives metres. */
  accuracy?: AnchorAccuracy;
  /** It is depth of an earlier picture, from which this one does not differ by more than noise. Packets of version 1 do not say. */
  reused?: boolean;
  /** The network is smaller than was asked for, since the server is busy: width and height say how small. */
  reduced?: boolean;
  /** Display range, in value units: `near` is the value shown brightest, `far` the one shown darkest. */
  near: number;
  far: number;
  /** Milliseconds from the last packet of the source frame to this depth map leaving, where known. */
  latency?: number;
}

/** A depth map with its values in `unit`, row by row from the top left. Empty when the format was `none`. */
export interface DepthFrame extends DepthFrameInfo {
  intrinsics: Intrinsics;
  format: DepthFormat;
  /** Row-major, width*height values; length 0 for format `none`. */
  values: Float32Array;
}
