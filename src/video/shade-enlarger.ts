import * as av from 'node-av';
import { check, Guard, scalePlane } from './native.ts';

/** Rows of swscale's buffers start at multiples of this; its SIMD code may write up to there. */
const ALIGNMENT = 64;
/** Pixels that may be repeated at each edge of the source. */
const MAX_PADDING = 3;
/** Of the source: swscale is wrong about a handful of pixels. */
const MIN_SIDE = 16;

/** One side of the enlargement: swscale lays edges on edges, so a little more is scaled, and a part of it used. */
interface Side {
  padding: number;
  scaled: number;
  first: number;
}

/** A plane of bytes within a buffer. */
export interface BytePlane {
  data: Uint8Array<ArrayBuffer>;
  offset: number;
  stride: number;
}

/**
 * Enlarges bytes, bilinear, the corners of both sizes on top of each other, to within a quarter of a pixel: for
 * looking at, in a tenth of the time that JavaScript takes. Works in the libuv pool. One call at a time.
 */
export class ShadeEnlarger {
  readonly #context = new av.SoftwareScaleContext();
  readonly #guard: Guard;
  readonly #width: number;
  readonly #across: Side;
  readonly #down: Side;
  readonly #source: Buffer;
  readonly #sourceStride: number;
  readonly #stride: number;

  /** @param to as `fits` has it */
  constructor(from: { width: number; height: number }, to: { width: number; height: number }) {
    this.#width = from.width;
    this.#across = sideOf(from.width, to.width);
    this.#down = sideOf(from.height, to.height);
    this.#sourceStride = aligned(from.width + 2 * this.#across.padding);
    this.#stride = aligned(this.#across.scaled);
    this.#source = Buffer.alloc(this.#sourceStride * (from.height + 2 * this.#down.padding));
    this.#context.getContext(
      from.width + 2 * this.#across.padding,
      from.height + 2 * this.#down.padding,
      av.AV_PIX_FMT_GRAY8,
      this.#across.scaled,
      this.#down.scaled,
      av.AV_PIX_FMT_GRAY8,
      av.SWS_BILINEAR,
    );
    this.#guard = new Guard(() => this.#context.freeContext());
  }

  /** Whether it can be done. */
  static fits(from: { width: number; height: number }, to: { width: number; height: number }): boolean {
    return Math.min(from.width, from.height) >= MIN_SIDE && to.width >= from.width && to.height >= from.height;
  }

  /**
   * @param shades row-major, of the size to come from; read before this returns
   * @param memory for the answer, where there is some
   * @throws DepthcastError CODEC_FAILED
   */
  enlarge(shades: Uint8ClampedArray, memory: Uint8Array<ArrayBuffer> | undefined): Promise<BytePlane> {
    this.#fill(shades);
    return this.#guard.run(async () => {
      const length = this.#stride * this.#down.scaled + ALIGNMENT;
      const data = memory?.length === length ? memory : new Uint8Array(length);
      const target = Buffer.from(data.buffer);
      const height = this.#source.length / this.#sourceStride;
      const scaled = scalePlane(
        this.#context,
        [this.#source],
        [this.#sourceStride],
        0,
        height,
        [target],
        [this.#stride],
      );
      check(await scaled, 'enlarging');
      const offset = this.#down.first * this.#stride + this.#across.first;
      return { data, offset, stride: this.#stride };
    });
  }

  /** Idempotent. */
  close(): void {
    this.#guard.close();
  }

  #fill(shades: Uint8ClampedArray): void {
    const width = this.#width;
    const { padding } = this.#across;
    const stride = this.#sourceStride;
    const last = shades.length / width - 1;
    for (let y = 0, at = 0; at < this.#source.length; y++, at += stride) {
      const from = Math.min(last, Math.max(0, y - this.#down.padding)) * width;
      this.#source.set(shades.subarray(from, from + width), at + padding);
      this.#source.fill(shades[from]!, at, at + padding);
      this.#source.fill(shades[from + width - 1]!, at + padding + width, at + 2 * padding + width);
    }
  }
}

const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

/** The padding with which both ends lie closest to where they belong. */
function sideOf(from: number, to: number): Side {
  const step = (to - 1) / (from - 1);
  const found = Array.from({ length: MAX_PADDING + 1 }, (_, padding) => {
    const scaled = Math.round((from + 2 * padding) * step);
    const ratio = scaled / (from + 2 * padding);
    /** Where swscale puts the middle of a pixel of the source. */
    const middle = (pixel: number) => (padding + pixel + 0.5) * ratio - 0.5;
    const first = Math.max(0, Math.min(scaled - to, Math.round((middle(0) + middle(from - 1) - (to - 1)) / 2)));
    const error = Math.max(Math.abs(middle(0) - first), Math.abs(middle(from - 1) - (first + to - 1)));
    return { padding, scaled, first, error: scaled < to ? Number.POSITIVE_INFINITY : error };
  });
  return found.reduce((best, side) => (side.error < best.error ? side : best));
}
