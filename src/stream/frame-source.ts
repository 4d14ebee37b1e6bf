import type { DepthcastError } from '../errors.ts';
import type { Picture } from '../video/index.ts';

/** What a source tells the stream that it feeds. */
export interface SourceListener {
  /** A decoded picture; the listener owns it and closes it. Timings in ms: zeros where there is nothing to assemble or decode. */
  picture(picture: Picture, timings: { assemble: number; decode: number }): void;
  /** A frame arrived that cannot be decoded: the codec refused it, or, without an error, what it refers to was lost. */
  undecodable(error?: DepthcastError): void;
}

/**
 * Where pictures come from: a WebRTC track, a synthetic scene. Each kind is a file or folder
 * of its own that whoever opens a stream attaches to it; the stream knows this face alone.
 */
export interface FrameSource {
  /** "VP8", "H264", "scene"; for people. */
  readonly codec: string;
  /** Begins to tell `listener` of frames, in the pace at which they come. Called once. */
  start(listener: SourceListener): void;
  /** Nothing is told any more. Idempotent. */
  close(): void;
}
