import { dirname } from 'node:path';
import type * as av from 'node-av';
import { makeFolder } from '../make-folder.ts';
import type { Size } from '../model/size.ts';
import type { DepthUnit, Intrinsics, MetricMap } from '../protocol/index.ts';
import { McapThread } from '../ros/mcap-thread.ts';
import { JpegEncoder } from '../video/jpeg-encoder.ts';
import { diskError } from './disk.ts';
import { SerialQueue } from './serial-queue.ts';

/** Frames that may be on their way to the file. */
const MAX_WAITING = 2;

export interface McapWriterOptions {
  path: string;
  /** Names the topics. */
  camera: string;
  /** Of the frames that are given. */
  size: Size;
  /** Of the network's maps. */
  unit: DepthUnit;
  /** Of the written frames. */
  intrinsics: Intrinsics;
}

/** Writes a run's frames as ROS 2 messages, the same as recordings of live streams. Times are those of the input. */
export class McapWriter {
  readonly #options: McapWriterOptions;
  readonly #thread: McapThread;
  readonly #jpeg: JpegEncoder;
  readonly #queue = new SerialQueue(MAX_WAITING);

  private constructor(options: McapWriterOptions, thread: McapThread, jpeg: JpegEncoder) {
    this.#options = options;
    this.#thread = thread;
    this.#jpeg = jpeg;
  }

  /** @throws DepthcastError DISK_FULL, BAD_OPTION, RECORDING_FAILED, CODEC_FAILED */
  static async open(options: McapWriterOptions): Promise<McapWriter> {
    const { path, camera, size } = options;
    await makeFolder(dirname(path)).catch(diskError(path));
    const jpeg = await JpegEncoder.create(size.width, size.height);
    const thread = new McapThread();
    try {
      await thread.open(path, camera, 0);
      return new McapWriter(options, thread, jpeg);
    } catch (thrown) {
      jpeg.close();
      await thread.end();
      throw thrown;
    }
  }

  /**
   * Takes a frame over; resolves when it can take the next.
   * @param time seconds of the input. @param values of `size`, read until this resolves
   * @param colour the source's frame; freed when it is written
   * @throws DepthcastError what writing an earlier one failed with
   */
  async write(
    time: number,
    values: Float32Array,
    size: Size,
    metric: MetricMap | undefined,
    colour: av.Frame,
  ): Promise<void> {
    const { camera, size: written, unit, intrinsics } = this.#options;
    const own = values.slice();
    await this.#queue.add(async () => {
      try {
        const at = time * 1000;
        await this.#thread.write({
          camera,
          stamp: at,
          at,
          values: own,
          unit,
          metric: metric && { scale: metric.scale, shift: metric.shift },
          ...size,
          sourceWidth: written.width,
          sourceHeight: written.height,
          intrinsics,
          jpeg: await this.#jpeg.encodeFrame(colour),
        });
      } finally {
        colour.free();
      }
    });
  }

  /** Writes what waits, and the index. @throws DepthcastError the first failure */
  async finish(): Promise<void> {
    try {
      await this.#queue.idle();
    } finally {
      try {
        await this.#thread.close();
      } finally {
        this.#jpeg.close();
        await this.#thread.end();
      }
    }
  }
}
