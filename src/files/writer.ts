import type * as av from 'node-av';
import type { Size } from '../model/size.ts';
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

/** Takes depth maps to all of their files: painted in a thread of their own, encoded in the libuv pool, in order. */
export class Writer {
  readonly #painter: PaintThread;
  readonly #options: WriterOptions;
  readonly #queue = new SerialQueue(MAX_WAITING);
  #files: DepthWriter | undefined;
  readonly #values: Floats[] = [];
  readonly #pictures: Bytes[] = [];
  readonly #maps: Floats[] = [];

  constructor(options: WriterOptions) {
    const { files, size, matrix, grayscale, keep } = options;
    const wantsPicture = files.vis !== undefined || files.sideBySide !== undefined;
    const wantsMap = files.exr !== undefined || files.png16 !== undefined;
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
   * Hands a map over, its memory with it; resolves when there is room for the next.
   * @param values of `size`. @param colour the source's frame, for the side-by-side video; freed when it is written
   * @throws what writing an earlier one failed with
   */
  async write(facts: MapFacts, values: Floats, size: Size, colour: av.Frame | undefined): Promise<void> {
    const { near, far } = facts;
    const painted = this.#painter.paint({
      values,
      size,
      near,
      far,
      picture: this.#pictures.pop(),
      map: this.#maps.pop(),
    });
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

  /** Writes what waits and closes the files, as well as it can. @throws the first failure */
  async finish(): Promise<void> {
    const closing = [() => this.#queue.idle(), () => this.#files?.finish(), () => this.#painter.finish()];
    let failure: unknown;
    for (const close of closing)
      await close()?.catch((thrown: unknown) => {
        failure ??= thrown;
      });
    if (failure !== undefined) throw failure;
  }

  #keep({ values, picture, map }: PaintAnswer): void {
    this.#values.push(values);
    if (picture) this.#pictures.push(picture);
    if (map) this.#maps.push(map);
  }
}
