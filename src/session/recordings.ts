import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { matches } from '../config/rights.ts';
import type { SettledConfig } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { RecordingStatus } from '../sinks/mcap/mcap-recorder.ts';
import { LiveStream } from '../stream/live-stream.ts';
import { type Recorder, type RecordsItself, recordStream } from './recorder.ts';
import type { Registry } from './registry.ts';
import type { SessionStream } from './session.ts';

const MEBIBYTE = 2 ** 20;
/** Seconds after which a place for a recording may be free. */
const RETRY = 30;

interface Context {
  config: SettledConfig;
  registry: Registry;
  log: Logger;
}

/** What is recorded: the streams that `recording.streams` names, from their beginning, and those that a request asked for. */
export class Recordings {
  readonly #context: Context;
  readonly #recorders = new Map<SessionStream, Recorder>();
  /** Of streams that ended, until their files are closed. */
  readonly #ending = new Set<Promise<void>>();

  constructor(context: Context) {
    this.#context = context;
    context.registry.onAnyStream((stream) => {
      const { streams } = context.config.recording;
      // The name of a two-way session is a secret, which a file's name would tell.
      if (stream.unlisted || !streams.some((pattern) => matches(pattern, stream.name))) return;
      this.start(stream.name).catch(({ code, message }: DepthcastError) =>
        context.log.error({ stream: stream.name, code }, `not recorded: ${message}`),
      );
    });
  }

  /**
   * Records a stream from its next frame on.
   * @throws DepthcastError NO_PUBLISHER, RECORDING_OFF, RECORDING_RUNS, RECORDING_LIMIT, RECORDING_FAILED
   */
  async start(name: string): Promise<RecordingStatus> {
    const { config, log } = this.#context;
    const { folder, fileMegabytes, fileSeconds, reserveMegabytes, limit } = config.recording;
    this.#stream(name);
    if (folder === null) throw new DepthcastError('RECORDING_OFF');
    await makeFolder(resolve(folder)).catch((thrown: Error) => {
      throw new DepthcastError('RECORDING_FAILED', { detail: thrown.message, cause: thrown });
    });
    // No waiting from here on: of two requests one finds what the other began, and no stream ends in between.
    const stream = this.#stream(name);
    const running = this.#recorders.get(stream);
    if (running?.status.state === 'recording') throw new DepthcastError('RECORDING_RUNS', { detail: name });
    const recording = [...this.#recorders.values()].filter(({ status }) => status.state === 'recording').length;
    if (recording >= limit) throw new DepthcastError('RECORDING_LIMIT', { detail: `${limit}`, retryAfter: RETRY });
    running?.close();
    const options = {
      name,
      folder: resolve(folder),
      maxBytes: fileMegabytes * MEBIBYTE,
      maxSeconds: fileSeconds,
      reserveBytes: reserveMegabytes * MEBIBYTE,
    };
    const failed = (error: DepthcastError) => log.error({ stream: name, code: error.code }, error.message);
    const recorder =
      stream instanceof LiveStream
        ? recordStream(stream, options, failed)
        : (stream as SessionStream & RecordsItself).record(options, failed);
    this.#recorders.set(stream, recorder);
    if (!running) stream.once('closed', () => this.#forget(stream));
    log.info({ stream: name, folder: options.folder }, 'recording started');
    return recorder.status;
  }

  isRecording(stream: SessionStream): boolean {
    return this.#recorders.get(stream)?.status.state === 'recording';
  }

  /** @throws DepthcastError NO_PUBLISHER, RECORDING_NOT_FOUND */
  status(name: string): RecordingStatus {
    return this.#recorder(name).status;
  }

  /** Ends a recording; its last file is closed then. @throws DepthcastError NO_PUBLISHER, RECORDING_NOT_FOUND */
  async stop(name: string): Promise<RecordingStatus> {
    const recorder = this.#recorder(name);
    const ran = recorder.status.state === 'recording';
    recorder.close();
    await recorder.ended();
    if (ran) this.#context.log.info({ stream: name, ...recorder.status }, 'recording ended');
    return recorder.status;
  }

  /** Closes every file. Streams may be closed before or after. */
  async close(): Promise<void> {
    const recorders = [...this.#recorders.values()];
    for (const recorder of recorders) recorder.close();
    await Promise.all([...recorders.map((recorder) => recorder.ended()), ...this.#ending]);
  }

  #forget(stream: SessionStream): void {
    const ended = this.#recorders.get(stream)?.ended();
    this.#recorders.delete(stream);
    if (!ended) return;
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
  }

  #stream(name: string): SessionStream {
    const stream = this.#context.registry.streams.find((one) => one.name === name);
    if (!stream) throw new DepthcastError('NO_PUBLISHER', { detail: name });
    return stream;
  }

  #recorder(name: string): Recorder {
    const recorder = this.#recorders.get(this.#stream(name));
    if (!recorder) throw new DepthcastError('RECORDING_NOT_FOUND', { detail: name });
    return recorder;
  }
}
