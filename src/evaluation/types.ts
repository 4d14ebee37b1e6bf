import type { Picture } from '../video/index.ts';
import type { Pinhole } from './temporal.ts';

/** What was measured, or rendered, at one moment. */
export interface Truth {
  /** [height*width] metres along the optical axis; 0, NaN and Infinity where nothing was measured. */
  readonly depth: Float32Array;
  /** Camera-to-world, 4x4 column-major; camera x right, y down, z forward; metres. Undefined where it is not known. */
  readonly pose: ArrayLike<number> | undefined;
  /** In pixels of `depth`. Undefined where they are not known. */
  readonly intrinsics: Pinhole | undefined;
}

/** A picture with its truth. Whoever gets it closes the picture. */
export interface TrueFrame extends Truth {
  readonly picture: Picture;
}

export interface SequenceInfo {
  readonly name: string;
  /** Frames that are judged: those left by stride and limit. */
  readonly frames: number;
  /** Of depth maps, in pixels; pictures may have another. */
  readonly width: number;
  readonly height: number;
  /** Of the frames that are judged. */
  readonly fps: number;
  /** True depth from here on does not count, in metres; see benchmarkProtocol. */
  readonly maxDepth: number;
  /** Camera poses are known: the temporal error can be measured. */
  readonly posed: boolean;
  /** The camera stands still: flicker can be measured where the truth does not change. */
  readonly tripod: boolean;
  /** Frames that have nothing to do with each other: each is seen without memory of the others. */
  readonly separate: boolean;
  /** Truth is known at, or next to, practically every pixel: whether depth changes where the picture's edges lie can be judged. */
  readonly dense: boolean;
  /** The part of the picture that the depth maps show; undefined for all of it. */
  readonly window?: CropRect | undefined;
  /** Frames at which a take begins, 0 first. Each take is a clip of its own for alignment and temporal error. */
  readonly takes: readonly number[];
}

/** A rectangle in shares of a picture's width and height, 0 to 1. */
export interface CropRect {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Frames in order, each with its truth; may be read more than once. */
export interface Sequence extends SequenceInfo {
  /** @throws DepthcastError BAD_DATASET */
  frame(index: number): Promise<TrueFrame>;
  /** As `frame`, without the picture. */
  truth(index: number): Promise<Truth>;
}

/** Which frames of a sequence are judged. */
export interface SequenceSelection {
  /** At most so many; undefined for all. */
  maxFrames?: number | undefined;
  /** Every n-th; 1 for all. */
  stride?: number | undefined;
}

/** A sequence that is made ready when its turn comes. */
export interface SequenceEntry {
  readonly name: string;
  readonly frames: number;
  open(): Promise<Sequence>;
}
