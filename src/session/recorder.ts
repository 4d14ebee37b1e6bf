import type { DepthcastError } from '../errors.ts';
import { McapRecorder, type RecorderOptions, type RecordingStatus } from '../sinks/mcap/mcap-recorder.ts';
import type { LiveStream } from '../stream/live-stream.ts';

/** A recording that was begun. */
export interface Recorder {
  readonly status: RecordingStatus;
  /** Idempotent. */
  close(): void;
  /** Settles when the last file is closed. */
  ended(): Promise<void>;
}

/** A stream of another thread, which records it there. */
export interface RecordsItself {
  record(options: RecorderOptions, failed: (error: DepthcastError) => void): Recorder;
}

/** Records a stream of this thread from its next frame on. @param failed is told what ended the recording, or kept a frame out of it */
export function recordStream(
  stream: LiveStream,
  options: RecorderOptions,
  failed: (error: DepthcastError) => void,
): Recorder {
  const recorder = stream.add(
    ({ sent, failed: count }) =>
      new McapRecorder(options, {
        sent,
        failed: (error) => {
          failed(error as DepthcastError);
          count(error);
        },
      }),
  );
  return {
    get status() {
      return recorder.status;
    },
    close: () => stream.remove(recorder),
    ended: () => recorder.ended(),
  };
}
