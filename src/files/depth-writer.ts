import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type * as av from 'node-av';
import { AlignedResizer } from '../model/resize.ts';
import type { Size } from '../model/size.ts';
import { type YuvMatrix, yuvFrame } from '../video/frame-converter.ts';
import { countFrames, VideoWriter, type VideoWriterOptions } from '../video/video-writer.ts';
import { ImageSeries, type MapFacts } from './image-series.ts';
import { NpzWriter } from './npz.ts';
import { Painter } from './painter.ts';

/** Where depth goes; what is undefined is not written. */
export interface DepthFiles {
  vis: string | undefined;
  sideBySide: string | undefined;
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
  grayscale: boolean;
  /** Maps in metres, not disparity. */
  metric: boolean;
  /** Frames of an earlier run that stay. */
  keep: number;
}

export interface WrittenMap extends MapFacts {
  values: Float32Array;
  /** Of `values`, before it is brought to the size of the written maps. */
  size: Size;
  /** The source's picture for `sideBySide`: Y, U, V without padding, of the even size. */
  colour: Uint8Array | undefined;
}

/** Video wants even sides. */
export const evenSize = ({ width, height }: Size): Size => ({
  width: width + (width & 1),
  height: height + (height & 1),
});

/** Writes one video's depth to every file that was asked for. For a thread of its own: painting takes milliseconds. */
export class DepthWriter {
  readonly #options: DepthWriterOptions;
  readonly #painter: Painter;
  readonly #full: Float32Array;
  #resizer: { key: string; resizer: AlignedResizer } | undefined;
  #vis: VideoWriter | undefined;
  #side: VideoWriter | undefined;
  #npz: NpzWriter | undefined;
  #series: ImageSeries[] = [];
  #picture: av.Frame | undefined;
  #pair: av.Frame | undefined;

  private constructor(options: DepthWriterOptions) {
    const { size, grayscale, matrix } = options;
    this.#options = options;
    this.#painter = new Painter(size.width, size.height, grayscale ? 'gray' : 'inferno', matrix);
    this.#full = new Float32Array(size.width * size.height);
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

  /** Nothing of `map` is kept. @throws DepthcastError DISK_FULL, CODEC_FAILED */
  async write(map: WrittenMap): Promise<void> {
    const values = this.#fullSize(map);
    if (this.#picture) {
      this.#picture.makeWritable();
      this.#painter.paint(values, map.near, map.far, planesOf(this.#picture));
    }
    await this.#vis?.write(this.#picture!, map.time);
    if (this.#side && map.colour) await this.#side.write(this.#sideBySide(map.colour), map.time);
    await this.#npz?.write(values);
    for (const series of this.#series) await series.write(values, map);
  }

  /** Closes every file, as well as it can. @throws DepthcastError the first failure */
  async finish(): Promise<void> {
    const files = [this.#vis, this.#side, this.#npz, ...this.#series];
    const results = await Promise.allSettled(files.map((file) => file?.finish()));
    this.#picture?.free();
    this.#pair?.free();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #open(): Promise<void> {
    const { files, size, matrix, metric, keep } = this.#options;
    const video = evenSize(size);
    if (files.vis || files.sideBySide) this.#picture = yuvFrame(video.width, video.height, matrix);
    if (files.vis) this.#vis = await openVideo(files.vis, { ...this.#options, ...video }, keep);
    if (files.sideBySide) {
      const wide = { ...video, width: 2 * video.width };
      this.#pair = yuvFrame(wide.width, wide.height, matrix);
      this.#side = await openVideo(files.sideBySide, { ...this.#options, ...wide }, keep);
    }
    if (files.npz) this.#npz = await NpzWriter.create(files.npz, size.width, size.height, keep);
    for (const kind of ['exr', 'png16'] as const) {
      const folder = files[kind];
      if (folder) this.#series.push(await ImageSeries.create(kind, folder, { ...size, metric, keep }));
    }
  }

  #fullSize({ values, size }: WrittenMap): Float32Array {
    const to = this.#options.size;
    if (size.width === to.width && size.height === to.height) return values;
    const key = `${size.width}x${size.height}`;
    if (this.#resizer?.key !== key) this.#resizer = { key, resizer: new AlignedResizer(size, to) };
    this.#resizer.resizer.resize(values, this.#full);
    return this.#full;
  }

  #sideBySide(colour: Uint8Array): av.Frame {
    const pair = this.#pair!;
    pair.makeWritable();
    const { width, height } = this.#picture!;
    const depth = planesOf(this.#picture!);
    const out = planesOf(pair);
    let from = 0;
    for (let plane = 0; plane < 3; plane++) {
      const w = plane === 0 ? width : width >> 1;
      const h = plane === 0 ? height : height >> 1;
      for (let y = 0; y < h; y++, from += w) {
        const at = y * out.strides[plane]!;
        out.planes[plane]!.set(colour.subarray(from, from + w), at);
        const row = y * depth.strides[plane]!;
        out.planes[plane]!.set(depth.planes[plane]!.subarray(row, row + w), at + w);
      }
    }
    return pair;
  }
}

/** Frames that all of the files hold. */
export async function countWritten(files: DepthFiles, { width, height }: Size): Promise<number> {
  const counts = [
    files.vis && countVideo(files.vis),
    files.sideBySide && countVideo(files.sideBySide),
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

const planesOf = (frame: av.Frame) => ({ planes: frame.data!, strides: frame.linesize });
