import type { ErrorSubject } from '../protocol/messages.ts';
import type { LiveDepth } from './live-depth.ts';

/** What one depth map cost a sink. */
export interface FrameTiming {
  /** Milliseconds of encoding or packing it, and of handing it over. */
  encode: number;
  send: number;
  /** Bytes that left, to all receivers together. */
  bytes: number;
  /** Milliseconds from the source frame's last packet until the first receiver was sent it; undefined where there was none. */
  latency: number | undefined;
}

/** What a sink tells the stream that feeds it. */
export interface SinkListener {
  sent(timing: FrameTiming): void;
  /** A frame did not go out; the sink takes the next one. */
  failed(error: Error): void;
}

/**
 * Where depth goes: a gray track, a data channel, a recorder, a bridge. Each kind is a file or folder of its own that whoever
 * wants the depth adds to a stream; the stream knows this face alone.
 */
export interface DepthSink {
  /** Of its kind: "track", "data". Labels its numbers in the metrics. */
  readonly name: string;
  /** What clients are told that its failures are about. */
  readonly about: ErrorSubject;
  /** Who receives from it now: a stream without any receiver may rest. */
  readonly receivers: number;
  /** A new depth map. The sink retains it for as long as it reads it, and never blocks. */
  push(depth: LiveDepth): void;
  /** Idempotent. */
  close(): void;
}
