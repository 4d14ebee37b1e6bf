import type { ReceivedFrame } from 'depthcast-client';

/** A picture of the camera. */
export type Picture = VideoFrame | HTMLVideoElement;

/** How picture and depth are shown. */
export type Look =
  /** The picture on the left, coloured depth on the right of `divide` (0 to 1 of the width). */
  | { view: 'compare'; divide: number }
  /** Depth in gray: near is white. */
  | { view: 'key' }
  /** What stands between two distances: the picture of it, or white on black. Nearness from 0 (far) to 1. */
  | { view: 'matte'; far: number; near: number; white: boolean };

/** Shows a picture with its depth on a canvas. */
export interface Painter {
  look: Look;
  /** Shows a picture and its depth, both of the same moment; neither is kept. */
  show(picture: Picture, depth: ReceivedFrame): void;
  /** Shows the last picture again, with another look or size. */
  repaint(): void;
}

/** Nearness over which a matte's edge is blended. */
export const SOFT = 0.04;

/** Width and height of a picture in pixels; 0 before the first. */
export function sizeOf(picture: Picture): { width: number; height: number } {
  return 'displayWidth' in picture
    ? { width: picture.displayWidth, height: picture.displayHeight }
    : { width: picture.videoWidth, height: picture.videoHeight };
}
