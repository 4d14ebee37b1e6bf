import type * as av from 'node-av';
import type { Size } from '../model/size.ts';
import { toShades } from '../video/painter.ts';
import { type BytePlane, ShadeEnlarger } from '../video/shade-enlarger.ts';
import { DepthWriter, type DepthWriterOptions } from './depth-writer.ts';
import type { MapFacts } from './image-series.ts';
import type { Bytes, Floats, PaintAnswer } from './paint-protocol.ts';
import { PaintThread } from './paint-thread.ts';
import { SerialQueue } from './serial-queue.ts';

/** Maps that may be on their way to the files. */
const MAX_WAITING = 3;

export interface WriterOptions extends DepthWriterOptions {
  grayscale: boolean;
}

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
  /** Enlarges maps that are only looked at. */
  #enlarger: Enlarging | undefined;
  #enlarged: Promise<unknown> = Promise.resolve();
  readonly #onlyPicture: boolean;

  constructor(options: WriterOptions) {
    const { files, size, matrix, grayscale, keep } = options;
    const wantsPicture = files.vis !== undefined || files.sideBySide !== undefined;
    const wantsMap = files.exr !== undefined || files.png16 !== undefined;
    this.#onlyPicture = wantsPicture && !wantsMap && files.npz === undefined;
    this.#options = options;
    this.#painter = new PaintThread({ size, matrix, grayscale, keep, npz: files.npz, wantsPicture, wantsMap });
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
   * @param values of `size`. @param colour the source's frame, for the side-by-side video; freed when it is written
   * @throws what writing an earlier one failed with
   */
  async write(facts: MapFacts, values: Floats, size: Size, colour: av.Frame | undefined): Promise<void> {
    const painted = this.#paint(facts, values, size);
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

  async #paint({ near, far }: MapFacts, values: Floats, size: Size): Promise<PaintAnswer> {
    const shades = this.#onlyPicture ? await this.#enlarge(values, size, near, far) : undefined;
    return this.#painter.paint({
      shades,
      values,
      size,
      near,
      far,
      picture: this.#pictures.pop(),
      map: this.#maps.pop(),
    });
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

  #keep({ values, shades, picture, map }: PaintAnswer): void {
    this.#values.push(values);
    if (shades) this.#planes.push(shades);
    if (picture) this.#pictures.push(picture);
    if (map) this.#maps.push(map);
  }
}
