import type { Size } from '../model/size.ts';
import type { Intrinsics } from '../protocol/index.ts';
import type { Upsampling } from '../protocol/output.ts';
import { FrameConverter, matrixOf } from '../video/frame-converter.ts';
import type { TimedPicture } from '../video/media-info.ts';
import { countWritten, evenSize } from './depth-writer.ts';
import { McapWriter } from './mcap-writer.ts';
import type { OutputFiles } from './outputs.ts';
import type { FileSource } from './source.ts';
import { countCopied, encodedCopy, packetCopy, type SourceCopy } from './source-copy.ts';
import type { DepthResult } from './streaming.ts';
import { type MapExtras, Writer } from './writer.ts';

export interface SinkOptions {
  files: OutputFiles;
  source: FileSource;
  /** Of the written maps. */
  size: Size;
  grayscale: boolean;
  upsampling: Upsampling;
  /** The network's maps are in metres, not disparity; anchors may make metres of the numbers. */
  metric: boolean;
  anchored: boolean;
  /** Frames of an earlier run that stay. */
  keep: number;
  /** Name and intrinsics of the camera, for ROS 2 messages. */
  camera: { name: string; intrinsics: Intrinsics };
}

/** Everything that a job writes: depth, and the frames it was made of. */
export class Sink {
  /** Makes the frames that are written; undefined where none are. */
  readonly converter: FrameConverter | undefined;
  /** Whether depth is written with its picture, or after it. */
  readonly #needsColour: boolean;
  readonly #depth: Writer;
  readonly #copy: SourceCopy;
  readonly #mcap: McapWriter | undefined;

  private constructor(
    needsColour: boolean,
    depth: Writer,
    copy: SourceCopy,
    converter: FrameConverter | undefined,
    mcap: McapWriter | undefined,
  ) {
    this.#needsColour = needsColour;
    this.#depth = depth;
    this.#copy = copy;
    this.#mcap = mcap;
    this.converter = converter;
  }

  /** @throws DepthcastError DISK_FULL, CODEC_FAILED, BAD_OPTION, BAD_ARRAY */
  static async open(options: SinkOptions, first: TimedPicture): Promise<Sink> {
    const { files, source, size, keep } = options;
    const { fps, aspect } = source.info;
    const matrix = await first.picture.read(async (frame) => matrixOf(frame));
    const video = { ...evenSize(size), fps, aspect, matrix };
    const tap = copiedPackets(options);
    const encodes = tap === undefined || first.stamp === undefined;
    if (encodes) source.packets?.close();
    const copy = encodes
      ? await encodedCopy(files.source, video, keep)
      : await packetCopy(files.source, tap, first.stamp!);
    const depth = new Writer({ ...options, fps, aspect, matrix });
    const asked = [files.sideBySide, files.stacked, files.points];
    const needsColour = options.upsampling !== 'off' || asked.some((file) => file !== undefined);
    const needsFrames = encodes || needsColour || files.mcap !== undefined;
    const converter = needsFrames ? new FrameConverter(video.width, video.height, matrix) : undefined;
    const unit = options.metric ? 'metres' : 'disparity';
    const { name, intrinsics } = options.camera;
    let mcap: McapWriter | undefined;
    if (files.mcap) {
      const facts = { path: files.mcap, camera: name, size: evenSize(size), unit, intrinsics } as const;
      mcap = await McapWriter.open(facts).catch(async (thrown) => {
        await copy.finish().catch(() => {});
        converter?.close();
        throw thrown;
      });
    }
    const sink = new Sink(needsColour, depth, copy, converter, mcap);
    try {
      await depth.open();
      return sink;
    } catch (thrown) {
      await sink.finish().catch(() => {});
      throw thrown;
    }
  }

  /** Frames of which points were asked for, and that have none. */
  get pointless(): number {
    return this.#depth.pointless;
  }

  /** Takes a result over, its frame and its values; resolves when it can take the next. @throws DepthcastError DISK_FULL, CODEC_FAILED */
  async write(
    { prepared, values, size, range, release }: DepthResult,
    epoch: number,
    extras: MapExtras,
  ): Promise<void> {
    const { index, time, frame } = prepared;
    const picture = this.#mcap ? (frame?.clone() ?? undefined) : undefined;
    const colour = this.#needsColour ? (frame?.clone() ?? undefined) : undefined;
    await this.#copy.write(prepared);
    if (this.#mcap && picture) await this.#mcap.write(time, values, size, extras.metres, picture);
    const own = this.#depth.takeValues(values.length);
    own.set(values);
    release();
    await this.#depth.write({ index, time, epoch, near: range.near, far: range.far }, own, size, colour, extras);
  }

  /** Passes over a frame that is written already. */
  skip(stamp: bigint | undefined): Promise<void> {
    return this.#copy.skip(stamp);
  }

  /** Closes every file, as well as it can. @throws DepthcastError the first failure */
  async finish(): Promise<void> {
    const [depth] = await Promise.allSettled([this.#depth.finish()]);
    const [copy] = await Promise.allSettled([this.#copy.finish()]);
    const [mcap] = await Promise.allSettled([this.#mcap?.finish()]);
    this.converter?.close();
    for (const result of [depth, copy, mcap]) if (result.status === 'rejected') throw result.reason;
  }
}

/** Frames that all of the files hold. */
export async function countSunk(options: SinkOptions): Promise<number> {
  const { files, size } = options;
  const counts = await Promise.all([countWritten(files, size), countCopied(files.source, copiedPackets(options))]);
  return Math.min(...counts);
}

/** The source's packets, where they are the frames that are to be written: whole, of their own size, from the first. */
function copiedPackets({ source, size }: SinkOptions): FileSource['packets'] {
  const { packets, info } = source;
  const even = evenSize(size);
  const fits = info.width === even.width && info.height === even.height && packets?.startsClean;
  return fits && !packets.closed ? packets : undefined;
}
