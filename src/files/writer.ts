import type * as av from 'node-av';
import type { Size } from '../model/size.ts';
import type { Upsampling } from '../protocol/output.ts';
import { toShades } from '../video/painter.ts';
import { type BytePlane, ShadeEnlarger } from '../video/shade-enlarger.ts';
import { DepthWriter, type DepthWriterOptions } from './depth-writer.ts';
import type { MapFacts } from './image-series.ts';
import type { Bytes, Floats, PaintAnswer, PaintRequest } from './paint-protocol.ts';
import { PaintThread } from './paint-thread.ts';
import { SerialQueue } from './serial-queue.ts';

/** Maps that may be on their way to the files. */
const MAX_WAITING = 3;

export interface WriterOptions extends DepthWriterOptions {
  grayscale: boolean;
  upsampling: Upsampling;
}

/** What else is made of one map. */
export type MapExtras = Pick<PaintRequest, 'metres' | 'points'>;

interface Enlarging {
  enlarger: ShadeEnlarger;
  shades: Uint8ClampedArray;
  size: Size;
}

/** Takes depth maps to all of their files: painted in a thread of their own, encoded in the libuv pool, in order. */
export class Writer {
  readonly #painter: PaintThread;
  readonly #options: WriterOptions;
  readonly #queue = new SerialQueue(MAX_WAITING);
  #files: DepthWriter | undefined;
  readonly #values: Floats[] = [];
  readonly #pictures: Bytes[] = [];
  readonly #maps: Floats[] = [];
  readonly #planes: Bytes[] = [];
  readonly #guides: Bytes[] = [];
  /** Enlarges maps that are only looked at. */
  #enlarger: Enlarging | undefined;
  #enlarged: Promise<unknown> = Promise.resolve();
  readonly #onlyPicture: boolean;
  /** Frames of which points were asked for, and that have none. */
  pointless = 0;

  constructor(options: WriterOptions) {
    const { files, size, matrix, grayscale, keep, metric, upsampling, anchored } = options;
    const wantsPicture = [files.vis, files.sideBySide, files.stacked].some((file) => file !== undefined);
    const wantsMap = files.exr !== undefined || files.png16 !== undefined;
    this.#onlyPicture = upsampling === 'off' && wantsPicture && !wantsMap && files.npz === undefined;
    this.#options = options;
    this.#painter = new PaintThread({
      upsampling,
      metric,
      anchored,
      size,
      matrix,
      grayscale,
      keep,
      npz: files.npz,
      wantsPicture,
      wantsMap,
    });
  }

  /** Memory for a map's values, used before where some is free. */
  takeValues(length: number): Floats {
    const spare = this.#values.pop();
    return spare?.length === length ? spare : new Float32Array(length);
  }

  /** Opens the files. @throws DepthcastError DISK_FULL, CODEC_FAILED, BAD_OPTION, BAD_ARRAY */
  async open(): Promise<void> {
    this.#files = await DepthWriter.create(this.#options);
    await this.#painter.open();
  }

  /**
   * Hands a map over, its memory with it; resolves when it can take the next.
   * @param values of `size`. @param colour the source's frame, for videos of both, its edges and points; freed when it is written
   * @throws what writing an earlier one failed with
   */
  async write(
    facts: MapFacts,
    values: Floats,
    size: Size,
    colour: av.Frame | undefined,
    extras: MapExtras,
  ): Promise<void> {
    const painted = this.#paint(facts, values, size, colour, extras);
    // Whoever encodes it sees the failure.
    painted.catch(() => {});
    await this.#queue.add(async () => {
      try {
        const answer = await painted;
        await this.#files?.write(facts, answer, colour);
        this.#keep(answer);
      } finally {
        colour?.free();
      }
    });
  }

  async #paint(
    { near, far }: MapFacts,
    values: Floats,
    size: Size,
    colour: av.Frame | undefined,
    { metres, points }: MapExtras,
  ): Promise<PaintAnswer> {
    const shades = this.#onlyPicture && !points ? await this.#enlarge(values, size, near, far) : undefined;
    return this.#painter.paint({
      shades,
      guide: colour && (points || this.#options.upsampling !== 'off') ? this.#guideOf(colour) : undefined,
      values,
      size,
      metres,
      points,
      near,
      far,
      picture: this.#pictures.pop(),
      map: this.#maps.pop(),
    });
  }

  /** The picture's Y, U and V, of the written size, without padding. */
  #guideOf(colour: av.Frame): Bytes {
    const { width, height } = this.#options.size;
    const half = { width: (width + 1) >> 1, height: (height + 1) >> 1 };
    const guide = this.#guides.pop() ?? new Uint8Array(width * height + 2 * half.width * half.height);
    let at = 0;
    for (const [n, plane] of colour.data!.slice(0, 3).entries()) {
      const stride = colour.linesize[n]!;
      const part = n === 0 ? { width, height } : half;
      for (let y = 0; y < part.height; y++, at += part.width)
        guide.set(plane.subarray(y * stride, y * stride + part.width), at);
    }
    return guide;
  }

  /** The map as shades of the written size; undefined where the painter has to see to that. */
  #enlarge(values: Floats, size: Size, near: number, far: number): Promise<BytePlane | undefined> {
    const enlarged = this.#enlarged.then(() => {
      const kept = this.#enlargerFor(size);
      if (kept === undefined) return undefined;
      toShades(values, near, far, kept.shades);
      return kept.enlarger.enlarge(kept.shades, this.#planes.pop());
    });
    this.#enlarged = enlarged.catch(() => {});
    return enlarged;
  }

  #enlargerFor(size: Size): Enlarging | undefined {
    const kept = this.#enlarger?.size;
    if (kept?.width === size.width && kept.height === size.height) return this.#enlarger;
    this.#enlarger?.enlarger.close();
    this.#enlarger = ShadeEnlarger.fits(size, this.#options.size)
      ? {
          enlarger: new ShadeEnlarger(size, this.#options.size),
          shades: new Uint8ClampedArray(size.width * size.height),
          size,
        }
      : undefined;
    return this.#enlarger;
  }

  /** Writes what waits and closes the files, as well as it can. @throws the first failure */
  async finish(): Promise<void> {
    // The archive first: on a full disk it makes room for the ends of the videos.
    const closing = [() => this.#queue.idle(), () => this.#painter.finish(), () => this.#files?.finish()];
    let failure: unknown;
    for (const close of closing)
      await close()?.catch((thrown: unknown) => {
        failure ??= thrown;
      });
    this.#enlarger?.enlarger.close();
    if (failure !== undefined) throw failure;
  }

  #keep({ values, shades, guide, picture, map, points }: PaintAnswer): void {
    if (points === 0) this.pointless++;
    if (guide) this.#guides.push(guide);
    this.#values.push(values);
    if (shades) this.#planes.push(shades);
    if (picture) this.#pictures.push(picture);
    if (map) this.#maps.push(map);
  }
}
