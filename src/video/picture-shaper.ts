import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { type Fraction, ratio } from './media-info.ts';
import { cropOf, DEINTERLACE, PictureFilter, turnOf, turnsSideways } from './picture-filter.ts';

/** Smallest picture that FFmpeg's deinterlacer takes. */
const MIN_SIDE = 4;

export interface ShaperOptions {
  /** Of one picture made of tiles: the file's own steps, instead of the stream's. */
  steps: readonly string[] | undefined;
  /** Largest picture that is let through, in pixels a side. */
  maxSide: number;
}

/**
 * Brings decoded frames into the shape in which they are shown: what the container crops is taken away, two fields become
 * one picture, and what lies on its side is turned. May hold a frame back until the next one comes.
 */
export class PictureShaper {
  readonly #stream: av.Stream;
  readonly #options: ShaperOptions;
  readonly #containerTurn: readonly string[];
  /** Once one frame was interlaced: others pass through the deinterlacer as they are. */
  #interlaced = false;
  #filter: PictureFilter | undefined;
  /** Frames that are ready. */
  readonly #ready: av.Frame[] = [];

  constructor(stream: av.Stream, options: ShaperOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#containerTurn = turnOf(stream.codecpar.getCodedSideData(av.AV_PKT_DATA_DISPLAYMATRIX));
  }

  /** Takes a frame over. @throws DepthcastError PICTURE_TOO_LARGE, CODEC_FAILED */
  async put(frame: av.Frame): Promise<void> {
    const { width, height } = frame;
    const { maxSide } = this.#options;
    if (width > maxSide || height > maxSide) {
      frame.free();
      throw new DepthcastError('PICTURE_TOO_LARGE', { detail: `${width}x${height}; at most ${maxSide} a side` });
    }
    const steps = this.#steps(frame);
    if (this.#filter?.fits(frame, steps) !== true) {
      await this.end();
      try {
        this.#filter = steps.length > 0 ? await PictureFilter.create(frame, steps) : undefined;
      } catch (thrown) {
        frame.free();
        throw thrown;
      }
    }
    if (this.#filter === undefined) this.#ready.push(frame);
    else {
      await this.#filter.put(frame);
      await this.#drain();
    }
  }

  take(): av.Frame | undefined {
    return this.#ready.shift();
  }

  /** No more frames come, or none of this kind: what was held back is ready then. */
  async end(): Promise<void> {
    const filter = this.#filter;
    if (filter === undefined) return;
    await filter.put(undefined);
    await this.#drain();
    filter.close();
    this.#filter = undefined;
  }

  /** Width of a pixel by its height, as the frame's pixels will lie; the container's word counts before the codec's. */
  aspectOf(frame: av.Frame): Fraction {
    const said = [this.#stream.sampleAspectRatio, frame.sampleAspectRatio].find((aspect) => ratio(aspect) > 0);
    if (said === undefined) return { num: 0, den: 1 };
    const sideways = turnsSideways(this.#steps(frame));
    return sideways ? { num: said.den, den: said.num } : { num: said.num, den: said.den };
  }

  close(): void {
    this.#filter?.close();
    for (const frame of this.#ready.splice(0)) frame.free();
  }

  #steps(frame: av.Frame): string[] {
    const { steps } = this.#options;
    if (steps) return [...steps];
    const { codecpar } = this.#stream;
    // HEVC's fields are pictures of their own.
    const isHevc = codecpar.codecId === av.AV_CODEC_ID_HEVC;
    this.#interlaced ||= frame.hasFlags(av.AV_FRAME_FLAG_INTERLACED) && !isHevc;
    const combs = this.#interlaced && Math.min(frame.width, frame.height) >= MIN_SIDE;
    const turn =
      this.#containerTurn.length > 0 ? this.#containerTurn : turnOf(frame.getSideData(av.AV_FRAME_DATA_DISPLAYMATRIX));
    const crop = cropOf(codecpar.getCodedSideData(av.AV_PKT_DATA_FRAME_CROPPING), frame);
    return [...(combs ? [DEINTERLACE] : []), ...crop, ...turn];
  }

  async #drain(): Promise<void> {
    for (let next = await this.#filter?.take(); next; next = await this.#filter?.take()) this.#ready.push(next);
  }
}
