import type { DepthcastError } from '../errors.ts';
import type { Picture } from '../video/index.ts';
import type { LiveDepth } from './live-depth.ts';

/** What a source tells the stream that it feeds. */
export interface SourceListener {
  /** A decoded picture; the listener owns it and closes it. */
  picture(picture: Picture, timings: { assemble: number; decode: number }): void;
  /** A frame arrived that cannot be decoded: the codec refused it, or, without an error, what it refers to was lost. */
  undecodable(error?: DepthcastError): void;
}

/** Where pictures come from: a WebRTC track, a synthetic scene, later a file or a room of an SFU. */
export interface FrameSource {
  /** "VP8", "H264", "scene"; for people. */
  readonly codec: string;
  start(listener: SourceListener): void;
  close(): void;
}

/** Where depth goes: a gray track, a data channel, later a file. */
export interface DepthSink {
  /** A new depth map. The sink retains it for as long as it reads it, and never blocks. */
  push(depth: LiveDepth): void;
  close(): void;
}
