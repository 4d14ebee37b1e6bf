import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DepthcastError, toDepthcastError } from '../../errors.ts';
import type { MetricFrame } from '../../geometry/points.ts';
import type { DepthSink, SinkListener } from '../../stream/depth-sink.ts';
import type { LiveDepth } from '../../stream/live-depth.ts';
import { Mailbox } from '../../stream/mailbox.ts';
import { JpegEncoder } from '../../video/jpeg-encoder.ts';
import { McapFile } from './mcap-file.ts';
import {
  cameraInfo,
  compressedImage,
  depthCamera,
  depthImage,
  opticalFrame,
  points2,
  rosTime,
  valuesOf,
} from './ros-messages.ts';

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
  readonly #mailbox = new Mailbox<LiveDepth>(
    (depth) => this.#write(depth),
    (depth) => {
      this.#dropped++;
      depth.release();
    },
  );
  #file: McapFile | undefined;
  #openedAt = 0;
  #spaceAt = 0;
  #jpeg: JpegEncoder | undefined;
  #values = new Float32Array(0);
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
      bytes: this.#closedBytes + (this.#file?.bytes ?? 0),
      problem: code === undefined ? null : { code, message: message! },
    };
  }

  push(depth: LiveDepth): void {
    if (!this.#stopped) this.#mailbox.put(depth.retain());
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
    const { info, source } = depth;
    const now = Date.now();
    const file = await this.#current(now);
    const { name } = this.#options;
    const optical = `${name}_optical_frame`;
    // Stamped with the moment of capture, where it is known; logged when it was recorded.
    const header = { stamp: rosTime(info.captureTime ?? now), frame_id: optical };
    const { width, height } = info;
    if (this.#values.length !== width * height) this.#values = new Float32Array(width * height);
    const values = this.#values;
    const unit = valuesOf(depth, values);
    const topic = (path: string) => `/${rosName(name)}/${path}`;
    const image = unit === 'metres' ? 'depth/image' : 'relative_disparity/image';
    await file.add(topic(image), 'sensor_msgs/msg/Image', now, depthImage(header, values, width, height));
    if (info.intrinsics) {
      const frame: MetricFrame = { ...info, values, unit, intrinsics: info.intrinsics };
      const path = image.replace('image', 'camera_info');
      await file.add(
        topic(path),
        'sensor_msgs/msg/CameraInfo',
        now,
        cameraInfo(header, depthCamera(frame), width, height),
      );
      const { sourceWidth, sourceHeight, intrinsics } = info;
      const camera = cameraInfo(header, intrinsics, sourceWidth, sourceHeight);
      await file.add(topic('image/camera_info'), 'sensor_msgs/msg/CameraInfo', now, camera);
      if (unit === 'metres')
        await file.add(topic('depth/points'), 'sensor_msgs/msg/PointCloud2', now, points2(header, frame));
    }
    if (source) {
      if (!this.#jpeg?.fits(source.picture)) {
        this.#jpeg?.close();
        this.#jpeg = await JpegEncoder.create(source.picture.width, source.picture.height);
      }
      const jpeg = compressedImage(header, await this.#jpeg.encode(source.picture));
      await file.add(topic('image/compressed'), 'sensor_msgs/msg/CompressedImage', now, jpeg);
    }
    this.#frames++;
  }

  /** The file to write to now. */
  async #current(now: number): Promise<McapFile> {
    const { name, folder, maxBytes, maxSeconds } = this.#options;
    if (now - this.#spaceAt >= SPACE_MS) {
      this.#spaceAt = now;
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize < this.#options.reserveBytes)
        throw Object.assign(new Error(`less than recording.reserveMegabytes are free in ${folder}`), {
          code: 'ENOSPC',
        });
    }
    if (this.#file && (this.#file.bytes >= maxBytes || now - this.#openedAt >= maxSeconds * 1000)) await this.#finish();
    if (this.#file) return this.#file;
    const time = new Date(now).toISOString().replace(/[-:]/g, '').replace(/[T.]/g, '-').slice(0, 19);
    const path = join(folder, `${name}-${time}.mcap`);
    this.#file = await McapFile.create(path);
    this.#path = path;
    this.#files++;
    this.#openedAt = now;
    const message = opticalFrame(rosTime(now), name, `${name}_optical_frame`);
    await this.#file.add('/tf_static', 'tf2_msgs/msg/TFMessage', now, message);
    return this.#file;
  }

  async #finish(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (this.#stopped) {
      this.#jpeg?.close();
      this.#jpeg = undefined;
    }
    await file?.close();
    this.#closedBytes += file?.bytes ?? 0;
  }

  async #fail(thrown: unknown): Promise<void> {
    if (this.#problem) return;
    const { code, message } = thrown as NodeJS.ErrnoException;
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    const detail = full
      ? `the recording of ${this.#options.name} ended: ${this.#path ?? this.#options.folder}`
      : message;
    this.#problem = full
      ? new DepthcastError('DISK_FULL', { detail, cause: thrown })
      : toDepthcastError(thrown, 'RECORDING_FAILED');
    this.#stopped = true;
    this.#mailbox.close();
    // What is there stays readable, though without its index where that has no room.
    await this.#finish().catch(() => {});
    this.#listener.failed(this.#problem);
  }
}

/** A name that ROS takes: letters, digits and underscores, a letter first. */
const rosName = (name: string): string => name.replace(/\W/g, '_').replace(/^(?![A-Za-z])/, 's_');
