import * as av from 'node-av';
import { check } from './native.ts';

/** Whether a pixel format holds RGB or palette entries, or full-range gray: such frames often name no colour space. */
export function isRgb(format: av.AVPixelFormat): boolean {
  return /^(0?rgb|0?bgr|gbr|argb|abgr|rgba|bgra|pal8|x2rgb|x2bgr|mono|ya)/.test(av.avGetPixFmtName(format) ?? '');
}

/**
 * The filters that bring a picture upright, or undefined where it is.
 * @param matrix FFmpeg's display matrix: nine int32, 16.16 and 2.30 fixed point (ISO/IEC 14496-12, 8.3.2)
 */
export function turnOf(matrix: Buffer | null): string | undefined {
  if (matrix === null || matrix.length < 36) return undefined;
  const at = (i: number) => matrix.readInt32LE(4 * i);
  const [a, b, c, d] = [at(0), at(1), at(3), at(4)];
  if (Math.hypot(a, c) === 0 || Math.hypot(b, d) === 0) return undefined;
  const angle = Math.round((Math.atan2(b / Math.hypot(b, d), a / Math.hypot(a, c)) * 180) / Math.PI);
  switch ((angle + 360) % 360) {
    case 90:
      return c > 0 ? 'transpose=cclock_flip' : 'transpose=clock';
    case 180:
      return [a < 0 ? 'hflip' : '', d < 0 ? 'vflip' : ''].filter(Boolean).join(',') || undefined;
    case 270:
      return c < 0 ? 'transpose=clock_flip' : 'transpose=cclock';
    default:
      return d < 0 ? 'vflip' : undefined;
  }
}

/** Turns and mirrors frames of one size and format by FFmpeg's filters. */
export class Turner {
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

  /** @throws DepthcastError CODEC_FAILED */
  static async create(frame: av.Frame, turn: string): Promise<Turner> {
    const graph = new av.FilterGraph();
    graph.alloc();
    const { width, height, format, colorSpace, colorRange } = frame;
    const args = `video_size=${width}x${height}:pix_fmt=${format}:time_base=1/90000:colorspace=${colorSpace}:range=${colorRange}`;
    const source = graph.createFilter(av.Filter.getByName('buffer')!, 'in', args);
    const sink = graph.createFilter(av.Filter.getByName('buffersink')!, 'out');
    if (!source || !sink) throw new Error('FFmpeg has no buffer filters');
    let last = source;
    for (const [i, step] of turn.split(',').entries()) {
      const [name = '', value] = step.split('=');
      const filter = graph.createFilter(av.Filter.getByName(name)!, `turn${i}`, value);
      if (!filter) throw new Error(`FFmpeg has no filter ${name}`);
      check(last.link(0, filter, 0), 'turning the picture');
      last = filter;
    }
    check(last.link(0, sink, 0), 'turning the picture');
    check(await graph.config(), 'turning the picture');
    return new Turner(graph, source, sink, keyOf(frame, turn));
  }

  fits(frame: av.Frame, turn: string): boolean {
    return keyOf(frame, turn) === this.#key;
  }

  /** @param frame is freed. @throws DepthcastError CODEC_FAILED */
  async turn(frame: av.Frame): Promise<av.Frame> {
    const stamp = frame.bestEffortTimestamp;
    const turned = new av.Frame();
    turned.alloc();
    try {
      frame.pts = stamp;
      check(await this.#source.buffersrcAddFrame(frame), 'turning the picture');
      check(await this.#sink.buffersinkGetFrame(turned), 'turning the picture');
      turned.pts = stamp;
      return turned;
    } catch (thrown) {
      turned.free();
      throw thrown;
    } finally {
      frame.free();
    }
  }

  close(): void {
    this.#graph.free();
  }
}

const keyOf = ({ width, height, format, colorSpace, colorRange }: av.Frame, turn: string): string =>
  [width, height, format, colorSpace, colorRange, turn].join();
