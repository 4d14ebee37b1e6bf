import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DepthcastError, toDepthcastError } from '../../errors.ts';
import { McapThread } from '../../ros/mcap-thread.ts';
import { DepthMailbox } from '../../stream/depth-mailbox.ts';
import type { DepthSink, SinkListener } from '../../stream/depth-sink.ts';
import type { LiveDepth } from '../../stream/live-depth.ts';
import { JpegEncoder } from '../../video/jpeg-encoder.ts';

/** ms between looks at the space that is left. */
const SPACE_MS = 2000;

export interface RecorderOptions {
  /** Of the stream: names the files and the topics. */
  name: string;
  /** It exists. */
  folder: string;
  /** A file is followed by the next one beyond these. */
  maxBytes: number;
  maxSeconds: number;
  /** What the disk keeps free: a recording ends rather than to go below. */
  reserveBytes: number;
}

/** Of a recording, for operators. */
export interface RecordingStatus {
  state: 'recording' | 'stopped' | 'failed';
  /** The present file, or the last. */
  file: string | null;
  /** So far: finished files and the present one. */
  files: number;
  frames: number;
  /** Frames that were left out: the disk or the encoder was still busy. */
  dropped: number;
  /** Of all files. */
  bytes: number;
  problem: { code: string; message: string } | null;
}

/**
 * Records a live stream as MCAP files of ROS 2 messages: depth, its camera, points where depth is in metres, the picture. A disk that
 * is too slow loses frames, one that is full ends the recording; the stream goes on.
 */
export class McapRecorder implements DepthSink {
  readonly name = 'mcap';
  readonly about = 'data';
  /** A recording wants depth whether or not somebody watches. */
  get receivers(): number {
    return this.#stopped ? 0 : 1;
  }
  readonly #options: RecorderOptions;
  readonly #listener: SinkListener;
  readonly #mailbox = new DepthMailbox(
    (depth) => this.#write(depth),
    () => this.#dropped++,
  );
  #thread: McapThread | undefined;
  /** Bytes of the present file; undefined while there is none. */
  #bytes: number | undefined;
  #openedAt = 0;
  #spaceAt = 0;
  #jpeg: JpegEncoder | undefined;
  #files = 0;
  #frames = 0;
  #dropped = 0;
  #closedBytes = 0;
  #path: string | null = null;
  #problem: DepthcastError | undefined;
  #stopped = false;
  #busy: Promise<void> = Promise.resolve();

  constructor(options: RecorderOptions, listener: SinkListener) {
    this.#options = options;
    this.#listener = listener;
  }

  get status(): RecordingStatus {
    const { code, message } = this.#problem ?? {};
    return {
      state: this.#problem ? 'failed' : this.#stopped ? 'stopped' : 'recording',
      file: this.#path,
      files: this.#files,
      frames: this.#frames,
      dropped: this.#dropped,
      bytes: this.#closedBytes + (this.#bytes ?? 0),
      problem: code === undefined ? null : { code, message: message! },
    };
  }

  push(depth: LiveDepth): void {
    if (!this.#stopped) this.#mailbox.put(depth);
  }

  close(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#mailbox.close();
    this.#busy = this.#busy.then(() => this.#finish()).catch((thrown: unknown) => this.#fail(thrown));
  }

  /** Settles when the last file is closed. */
  ended(): Promise<void> {
    return this.#busy;
  }

  async #write(depth: LiveDepth): Promise<void> {
    const began = performance.now();
    const work = (async () => {
      try {
        if (this.#problem === undefined) await this.#record(depth);
      } catch (thrown) {
        await this.#fail(thrown);
      } finally {
        depth.release();
      }
    })();
    this.#busy = work;
    await work;
    if (this.#problem) return;
    this.#listener.sent({ encode: performance.now() - began, send: 0, bytes: 0, latency: undefined });
  }

  async #record(depth: LiveDepth): Promise<void> {
    const { info, source, map, metric } = depth;
    const now = Date.now();
    const thread = await this.#current(now);
    let jpeg: Uint8Array | undefined;
    if (source) {
      if (!this.#jpeg?.fits(source.picture)) {
        this.#jpeg?.close();
        this.#jpeg = await JpegEncoder.create(source.picture.width, source.picture.height);
      }
      jpeg = await this.#jpeg.encode(source.picture);
    }
    const { width, height, sourceWidth, sourceHeight, intrinsics, unit } = info;
    const { bytes } = await thread.write({
      camera: this.#options.name,
      // Stamped with the moment of capture, where it is known; logged when it was recorded.
      stamp: info.captureTime ?? now,
      at: now,
      values: map.values,
      unit,
      metric: metric && { scale: metric.scale, shift: metric.shift },
      width,
      height,
      sourceWidth,
      sourceHeight,
      intrinsics,
      jpeg,
    });
    this.#bytes = bytes;
    this.#frames++;
  }

  /** What writes to the present file. */
  async #current(now: number): Promise<McapThread> {
    const { name, folder, maxBytes, maxSeconds } = this.#options;
    if (now - this.#spaceAt >= SPACE_MS) {
      this.#spaceAt = now;
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize < this.#options.reserveBytes)
        throw new DepthcastError('DISK_FULL', { detail: `less than recording.reserveMegabytes are free in ${folder}` });
    }
    this.#thread ??= new McapThread();
    const isOver = (this.#bytes ?? 0) >= maxBytes || now - this.#openedAt >= maxSeconds * 1000;
    if (this.#bytes !== undefined && isOver) await this.#endFile();
    if (this.#bytes !== undefined) return this.#thread;
    const time = new Date(now).toISOString().replace(/[-:]/g, '').replace(/[T.]/g, '-').slice(0, 19);
    const path = join(folder, `${name}-${time}.mcap`);
    this.#bytes = (await this.#thread.open(path, name, now)).bytes;
    this.#path = path;
    this.#files++;
    this.#openedAt = now;
    return this.#thread;
  }

  async #endFile(): Promise<void> {
    if (this.#bytes === undefined) return;
    const written = this.#bytes;
    this.#bytes = undefined;
    const ended = await this.#thread!.close().catch((thrown: unknown) => {
      this.#closedBytes += written;
      throw thrown;
    });
    this.#closedBytes += ended.bytes;
  }

  async #finish(): Promise<void> {
    this.#jpeg?.close();
    this.#jpeg = undefined;
    const thread = this.#thread;
    try {
      await this.#endFile();
    } finally {
      this.#thread = undefined;
      await thread?.end();
    }
  }

  async #fail(thrown: unknown): Promise<void> {
    if (this.#problem) return;
    const { code, detail } = toDepthcastError(thrown, 'RECORDING_FAILED');
    const where = `the recording of ${this.#options.name} ended: ${detail ?? this.#path ?? this.#options.folder}`;
    this.#problem = new DepthcastError(code, { detail: where, cause: thrown });
    this.#stopped = true;
    this.#mailbox.close();
    // What is there stays readable, though without its index where that has no room.
    await this.#finish().catch(() => {});
    this.#listener.failed(this.#problem);
  }
}
