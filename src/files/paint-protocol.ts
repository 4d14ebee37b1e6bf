import type { Size } from '../model/size.ts';
import type { Intrinsics, MetricMap } from '../protocol/index.ts';
import type { Upsampling } from '../protocol/output.ts';
import type { BytePlane } from '../video/shade-enlarger.ts';
import type { YuvMatrix } from '../video/yuv.ts';

export interface PaintBoot {
  /** Of the written maps. */
  size: Size;
  matrix: YuvMatrix;
  grayscale: boolean;
  /** How maps are enlarged. */
  upsampling: Upsampling;
  /** The network's maps are in metres, not disparity. */
  metric: boolean;
  /** Anchors make metres of the numbers that are written. */
  anchored: boolean;
  /** Archive to write, and the frames of an earlier run that stay in it. */
  npz: string | undefined;
  keep: number;
  /** What is to come back. */
  wantsPicture: boolean;
  wantsMap: boolean;
}

export type Floats = Float32Array<ArrayBuffer>;
export type Bytes = Uint8Array<ArrayBuffer>;

/** Files of one frame's points. */
export interface PointFiles {
  ply: string | undefined;
  glb: string | undefined;
  /** Of the written size. */
  intrinsics: Intrinsics;
}

export interface PaintRequest {
  /** The map as shades of the written size, where nothing else is made of it. */
  shades: BytePlane | undefined;
  /** The picture's Y, U and V, 4:2:0, of the written size without padding, where maps are enlarged by it, or points coloured. */
  guide: Bytes | undefined;
  /** Of `size`; brought to the size of the written maps. */
  values: Floats;
  size: Size;
  /** What makes metres of the values; without it they have none, where anchors are to give them. */
  metres: MetricMap | undefined;
  points: PointFiles | undefined;
  near: number;
  far: number;
  /** Memory for the answer, where there is some. */
  picture: Bytes | undefined;
  map: Floats | undefined;
}

export interface PaintAnswer {
  /** The request's memory comes back. */
  values: Floats;
  shades: Bytes | undefined;
  guide: Bytes | undefined;
  /** Y, U and V without padding, of even size. */
  picture: Bytes | undefined;
  /** [height * width] */
  map: Floats | undefined;
  /** Points that were written; undefined where none were asked for. */
  points: number | undefined;
}

/** What the painting thread is asked for. */
export interface PaintCalls {
  paint(request: PaintRequest): PaintAnswer;
  /** Closes the archive as well as it can. */
  finish(): void;
}
