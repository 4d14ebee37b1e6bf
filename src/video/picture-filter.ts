import * as av from 'node-av';
import { check } from './native.ts';

/** Ticks a second of the filters' clock; stamps of any clock pass through it. */
const CLOCK = 90_000n;

/** Whether a pixel format holds RGB or palette entries, or full-range gray: such frames often name no colour space. */
export function isRgb(format: av.AVPixelFormat): boolean {
  return /^(0?rgb|0?bgr|gbr|argb|abgr|rgba|bgra|pal8|x2rgb|x2bgr|mono|ya)/.test(av.avGetPixFmtName(format) ?? '');
}

/** One picture for each frame, where a frame says that it holds two fields: motion does not comb, what stands still keeps its detail. */
export const DEINTERLACE = 'bwdif=mode=send_frame:parity=auto:deint=interlaced';

/**
 * The filters that bring a picture upright; none where it is.
 * @param matrix FFmpeg's display matrix: nine int32, 16.16 and 2.30 fixed point (ISO/IEC 14496-12, 8.3.2)
 */
export function turnOf(matrix: Buffer | null): string[] {
  if (matrix === null || matrix.length < 36) return [];
  const at = (i: number) => matrix.readInt32LE(4 * i);
  const [a, b, c, d] = [at(0), at(1), at(3), at(4)];
  if (Math.hypot(a, c) === 0 || Math.hypot(b, d) === 0) return [];
  const angle = Math.round((Math.atan2(b / Math.hypot(b, d), a / Math.hypot(a, c)) * 180) / Math.PI);
  switch ((angle + 360) % 360) {
    case 90:
      return [c > 0 ? 'transpose=cclock_flip' : 'transpose=clock'];
    case 180:
      return [...(a < 0 ? ['hflip'] : []), ...(d < 0 ? ['vflip'] : [])];
    case 270:
      return [c < 0 ? 'transpose=clock_flip' : 'transpose=cclock'];
    default:
      return d < 0 ? ['vflip'] : [];
  }
}

/**
 * The filter that takes away what a container hides at the edges (Matroska's PixelCrop, MP4's clap).
 * @param edges FFmpeg's AV_PKT_DATA_FRAME_CROPPING: four uint32, pixels at the top, bottom, left and right
 * @returns none where nothing is hidden, or nothing would be left
 */
export function cropOf(edges: Buffer | null, { width, height }: { width: number; height: number }): string[] {
  if (edges === null || edges.length < 16) return [];
  const [top, bottom, left, right] = [0, 4, 8, 12].map((at) => edges.readUInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  if (top + bottom + left + right === 0 || top + bottom >= height || left + right >= width) return [];
  return [`crop=w=iw-${left + right}:h=ih-${top + bottom}:x=${left}:y=${top}:exact=1`];
}

export const turnsSideways = (steps: readonly string[]): boolean =>
  steps.filter((step) => step.startsWith('transpose')).length % 2 === 1;

/** Crops, deinterlaces, turns and mirrors frames of one size and format by FFmpeg's filters. One call at a time. */
export class PictureFilter {
  readonly #graph: av.FilterGraph;
  readonly #source: av.FilterContext;
  readonly #sink: av.FilterContext;
  readonly #key: string;

  private constructor(graph: av.FilterGraph, source: av.FilterContext, sink: av.FilterContext, key: string) {
    this.#graph = graph;
    this.#source = source;
    this.#sink = sink;
    this.#key = key;
  }

  /** @param steps at least one. @throws DepthcastError CODEC_FAILED */
  static async create(frame: av.Frame, steps: readonly string[]): Promise<PictureFilter> {
    const graph = new av.FilterGraph();
    graph.alloc();
    try {
      const sink = graph.createFilter(av.Filter.getByName('buffersink')!, 'out')!;
      const source = graph.createFilter(av.Filter.getByName('buffer')!, 'in', sourceOptions(frame))!;
      let last = source;
      for (const [i, step] of steps.entries()) {
        const [name = ''] = step.split('=', 1);
        const filter = graph.createFilter(av.Filter.getByName(name)!, `step${i}`, step.slice(name.length + 1) || null);
        if (!filter) throw new Error(`FFmpeg has no filter ${step}`);
        check(last.link(0, filter, 0), 'preparing the picture');
        last = filter;
      }
      check(last.link(0, sink, 0), 'preparing the picture');
      check(await graph.config(), 'preparing the picture');
      return new PictureFilter(graph, source, sink, keyOf(frame, steps));
    } catch (thrown) {
      graph.free();
      throw thrown;
    }
  }

  fits(frame: av.Frame, steps: readonly string[]): boolean {
    return keyOf(frame, steps) === this.#key;
  }

  /** @param frame is freed; undefined ends the stream, so that what is held back comes out. @throws DepthcastError CODEC_FAILED */
  async put(frame: av.Frame | undefined): Promise<void> {
    try {
      if (frame) frame.pts = frame.bestEffortTimestamp;
      check(await this.#source.buffersrcAddFrame(frame ?? null), 'preparing the picture');
    } finally {
      frame?.free();
    }
  }

  /** The next frame, with its time as `bestEffortTimestamp`; undefined until more was put. @throws DepthcastError CODEC_FAILED */
  async take(): Promise<av.Frame | undefined> {
    const frame = new av.Frame();
    frame.alloc();
    const code = await this.#sink.buffersinkGetFrame(frame);
    if (code >= 0) {
      // Deinterlacers count half ticks.
      const { num, den } = this.#sink.buffersinkGetTimeBase();
      if (frame.pts !== av.AV_NOPTS_VALUE) frame.pts = (frame.pts * BigInt(num) * CLOCK) / BigInt(den);
      frame.bestEffortTimestamp = frame.pts;
      return frame;
    }
    frame.free();
    if (code !== av.AVERROR_EAGAIN && code !== av.AVERROR_EOF) check(code, 'preparing the picture');
    return undefined;
  }

  close(): void {
    this.#graph.free();
  }
}

/** Arguments of FFmpeg's buffer source. */
export function sourceOptions({ width, height, format, colorSpace, colorRange }: av.Frame): string {
  return `video_size=${width}x${height}:pix_fmt=${format}:time_base=1/${CLOCK}:colorspace=${colorSpace}:range=${colorRange}`;
}

const keyOf = ({ width, height, format, colorSpace, colorRange }: av.Frame, steps: readonly string[]): string =>
  [width, height, format, colorSpace, colorRange, ...steps].join();
