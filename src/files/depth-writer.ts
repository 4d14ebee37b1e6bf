import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type * as av from 'node-av';
import type { Size } from '../model/size.ts';
import { yuvFrame } from '../video/frame-converter.ts';
import { countFrames, VideoWriter, type VideoWriterOptions } from '../video/video-writer.ts';
import type { YuvMatrix } from '../video/yuv.ts';
import { ImageSeries, type MapFacts } from './image-series.ts';
import { NpzWriter } from './npz.ts';
import type { PaintAnswer } from './paint-protocol.ts';

/** Where depth goes; what is undefined is not written. */
export interface DepthFiles {
  vis: string | undefined;
  sideBySide: string | undefined;
  stacked: string | undefined;
  npz: string | undefined;
  exr: string | undefined;
  png16: string | undefined;
}

export interface DepthWriterOptions {
  files: DepthFiles;
  /** Of the written maps. */
  size: Size;
  fps: VideoWriterOptions['fps'];
  aspect: { num: number; den: number };
  matrix: YuvMatrix;
  /** The network's maps are in metres, not disparity; anchors may make metres of the numbers. */
  metric: boolean;
  anchored: boolean;
  /** Frames of an earlier run that stay. */
  keep: number;
}

/** Video wants even sides. */
export const evenSize = ({ width, height }: Size): Size => ({
  width: width + (width & 1),
  height: height + (height & 1),
});

/** Writes the files of a video's depth that codecs are needed for: videos and images. */
export class DepthWriter {
  readonly #options: DepthWriterOptions;
  #vis: VideoWriter | undefined;
  readonly #pairs: Pair[] = [];
  #series: ImageSeries[] = [];
  #picture: av.Frame | undefined;

  private constructor(options: DepthWriterOptions) {
    this.#options = options;
  }

  /** @throws DepthcastError DISK_FULL, CODEC_FAILED, BAD_OPTION */
  static async create(options: DepthWriterOptions): Promise<DepthWriter> {
    const writer = new DepthWriter(options);
    try {
      await writer.#open();
      return writer;
    } catch (thrown) {
      await writer.finish().catch(() => {});
      throw thrown;
    }
  }

  /**
   * @param picture the painted map, Y, U and V without padding. @param map its values
   * @param colour the source's frame, of the same even size, for videos of both
   * @throws DepthcastError DISK_FULL, CODEC_FAILED
   */
  async write(
    facts: MapFacts,
    { picture, map }: Pick<PaintAnswer, 'picture' | 'map'>,
    colour: av.Frame | undefined,
  ): Promise<void> {
    const frame = this.#picture;
    if (frame && picture) {
      frame.makeWritable();
      fill(frame, picture);
      await this.#vis?.write(frame, facts.time);
      for (const { video, frame: pair, left, top } of colour ? this.#pairs : []) {
        pair.makeWritable();
        place(colour!, pair, 0, 0);
        place(frame, pair, left, top);
        await video.write(pair, facts.time);
      }
    }
    if (map) await Promise.all(this.#series.map((series) => series.write(map, facts)));
  }

  /** Closes every file, as well as it can. @throws DepthcastError the first failure */
  async finish(): Promise<void> {
    const files = [this.#vis, ...this.#pairs.map(({ video }) => video), ...this.#series];
    const results = await Promise.allSettled(files.map((file) => file?.finish()));
    this.#picture?.free();
    for (const { frame } of this.#pairs) frame.free();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #open(): Promise<void> {
    const { files, size, matrix, keep } = this.#options;
    const metric = this.#options.metric || this.#options.anchored;
    const video = evenSize(size);
    if (files.vis || files.sideBySide || files.stacked) this.#picture = yuvFrame(video.width, video.height, matrix);
    if (files.vis) this.#vis = await openVideo(files.vis, { ...this.#options, ...video }, keep);
    const layouts = [
      { path: files.sideBySide, left: video.width, top: 0 },
      { path: files.stacked, left: 0, top: video.height },
    ];
    for (const { path, left, top } of layouts) {
      if (path === undefined) continue;
      const both = { width: video.width + left, height: video.height + top };
      const opened = await openVideo(path, { ...this.#options, ...both }, keep);
      this.#pairs.push({ video: opened, frame: yuvFrame(both.width, both.height, matrix), left, top });
    }
    for (const kind of ['exr', 'png16'] as const) {
      const folder = files[kind];
      if (folder) this.#series.push(await ImageSeries.create(kind, folder, { ...size, metric, keep }));
    }
  }
}

/** A video of pictures and their depth: where depth lies in it. */
interface Pair {
  video: VideoWriter;
  frame: av.Frame;
  left: number;
  top: number;
}

const rowOf = (plane: number, width: number): number => (plane === 0 ? width : width >> 1);

/** @param samples Y, U and V without padding */
function fill(frame: av.Frame, samples: Uint8Array): void {
  const { width, height, linesize } = frame;
  let from = 0;
  frame.data!.slice(0, 3).forEach((plane, index) => {
    const row = rowOf(index, width);
    for (let y = 0; y < rowOf(index, height); y++, from += row)
      plane.set(samples.subarray(from, from + row), y * linesize[index]!);
  });
}

/** Copies a picture into a larger one, `left` and `top` pixels from its edges. */
function place(picture: av.Frame, into: av.Frame, left: number, top: number): void {
  const { width, height, linesize } = picture;
  const target = into.data!;
  const strides = into.linesize;
  picture.data!.slice(0, 3).forEach((plane, index) => {
    const row = rowOf(index, width);
    for (let y = 0; y < rowOf(index, height); y++) {
      const from = y * linesize[index]!;
      target[index]!.set(
        plane.subarray(from, from + row),
        (y + rowOf(index, top)) * strides[index]! + rowOf(index, left),
      );
    }
  });
}

/** Frames that all of the files hold. */
export async function countWritten(files: DepthFiles, { width, height }: Size): Promise<number> {
  const counts = [
    files.vis && countVideo(files.vis),
    files.sideBySide && countVideo(files.sideBySide),
    files.stacked && countVideo(files.stacked),
    files.npz && NpzWriter.count(files.npz, width, height),
    files.exr && ImageSeries.count('exr', files.exr),
    files.png16 && ImageSeries.count('png16', files.png16),
  ];
  const found = await Promise.all(counts.filter((count) => typeof count === 'object'));
  return found.length === 0 ? 0 : Math.min(...found.map((count) => count ?? 0));
}

/** Where a video stands while its first frames are taken over into its continuation. */
const earlier = (path: string): string => `${path}.earlier`;

export async function countVideo(path: string): Promise<number> {
  return (await countFrames(existsSync(earlier(path)) ? earlier(path) : path)) ?? 0;
}

/** Opens a video, with the first `keep` frames of what stands there. @throws DepthcastError DISK_FULL, CODEC_FAILED */
export async function openVideo(path: string, options: VideoWriterOptions, keep: number): Promise<VideoWriter> {
  if (keep === 0) {
    await rm(earlier(path), { force: true });
    return VideoWriter.create(path, options);
  }
  // Where it is there already, a process died while it took it over: the file itself holds less.
  if (!existsSync(earlier(path))) await rename(path, earlier(path));
  const writer = await VideoWriter.create(path, options);
  await writer.copy(earlier(path), keep);
  await rm(earlier(path));
  return writer;
}
