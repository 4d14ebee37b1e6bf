import { type DepthcastError, toDepthcastError } from '../errors.ts';
import type { Recorder } from '../session/recorder.ts';
import type { RecorderOptions, RecordingStatus } from '../sinks/mcap/mcap-recorder.ts';
import type { Ask } from './protocol.ts';

/** A recording in a media worker, as the worker last told of it. */
export class RemoteRecorder implements Recorder {
  readonly #ask: Ask;
  readonly #failed: (error: DepthcastError) => void;
  #ended: Promise<void> | undefined;
  #status: RecordingStatus = {
    state: 'recording',
    file: null,
    files: 0,
    frames: 0,
    dropped: 0,
    bytes: 0,
    problem: null,
  };

  constructor(ask: Ask, options: RecorderOptions, failed: (error: DepthcastError) => void) {
    this.#ask = ask;
    this.#failed = failed;
    ask('record', options).catch((thrown) => this.fail(toDepthcastError(thrown)));
  }

  get status(): RecordingStatus {
    return this.#status;
  }

  close(): void {
    // The files of a worker that is gone end where it ended.
    this.#ended ??= this.#ask('stopRecording', undefined)
      .then((status) => status && this.look(status))
      .catch((thrown) => this.fail(toDepthcastError(thrown)));
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  look(status: RecordingStatus): void {
    this.#status = status;
  }

  fail(error: DepthcastError): void {
    const { code, message } = error;
    this.#status = { ...this.#status, state: 'failed', problem: { code, message } };
    this.#failed(error);
  }
}
