import { codeRows, drawFrameCode, type FrameCode } from '../test/support/load/frame-code.ts';
import { renderPictures, toAndFro } from '../test/support/load/moving-pictures.ts';

/** Played to and fro. */
const PICTURES = 48;
/** The truth is kept at this width: that of the embedded network's maps. */
const TRUTH_WIDTH = 256;

export interface FilmOptions {
  scene: string;
  seed: number;
  width: number;
  height: number;
  fps: number;
}

/** A scene that moves, as I420 pictures with room for a code, and its exact depth. */
export class Film {
  readonly width: number;
  readonly height: number;
  readonly #pictures: Uint8Array[] = [];
  readonly #truths: Float32Array[] = [];
  readonly #truthWidth: number;
  readonly #truthHeight: number;
  readonly #coded: Uint8Array;

  constructor({ scene, seed, width, height, fps }: FilmOptions) {
    this.width = width;
    this.height = height;
    this.#truthWidth = Math.min(TRUTH_WIDTH, width);
    this.#truthHeight = Math.round((this.#truthWidth * height) / width);
    for (const { i420, depth } of renderPictures({ scene, seed, width, height, fps }, PICTURES)) {
      this.#pictures.push(i420);
      this.#truths.push(resample(depth, width, height, this.#truthWidth, this.#truthHeight));
    }
    this.#coded = new Uint8Array(this.#pictures[0]!.length);
  }

  /** The I420 picture of a frame, with its code. Valid until the next call. */
  picture(code: FrameCode): Uint8Array {
    this.#coded.set(this.#pictures[place(code)]!);
    drawFrameCode(this.#coded, this.width, this.height, code);
    return this.#coded;
  }

  /** Exact depth in metres at the pixel centres of a map of this size; 0, which does not count, where the code is drawn. */
  truth(code: FrameCode, width: number, height: number): Float32Array {
    const depth = resample(this.#truths[place(code)]!, this.#truthWidth, this.#truthHeight, width, height);
    const rows = Math.ceil((codeRows(this.width) / this.height) * height);
    return depth.fill(0, (height - rows) * width);
  }
}

/** Each stream begins elsewhere, so that no two show the same picture at the same time. */
function place({ stream, frame }: FrameCode): number {
  return toAndFro(frame + 11 * stream, PICTURES);
}

function resample(from: Float32Array, fromWidth: number, fromHeight: number, width: number, height: number) {
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * fromHeight) / height) * fromWidth;
    for (let x = 0; x < width; x++) out[y * width + x] = from[row + Math.floor(((x + 0.5) * fromWidth) / width)]!;
  }
  return out;
}
