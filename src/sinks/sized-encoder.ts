import type { Layout } from '../protocol/output.ts';
import { LayoutEncoder, type LiveEncoderOptions } from '../video/index.ts';

/** A layout's encoder for pictures of whatever size comes: another with each size, and after a failure. */
export class SizedEncoder {
  readonly #layout: Layout;
  readonly #maxSide: number;
  readonly #options: () => Omit<LiveEncoderOptions, 'width' | 'height'>;
  #encoder: LayoutEncoder | undefined;

  /**
   * @param maxSide longest side of one picture in pixels; larger sources are scaled down to it
   * @param options of the next encoder
   */
  constructor(layout: Layout, maxSide: number, options: () => Omit<LiveEncoderOptions, 'width' | 'height'>) {
    this.#layout = layout;
    this.#maxSide = maxSide;
    this.#options = options;
  }

  /** Of the last frame; undefined before the first, and after a failure. */
  get current(): LayoutEncoder | undefined {
    return this.#encoder;
  }

  /** At once where it is open already. @throws DepthcastError CODEC_FAILED */
  of({
    sourceWidth,
    sourceHeight,
  }: {
    sourceWidth: number;
    sourceHeight: number;
  }): LayoutEncoder | Promise<LayoutEncoder> {
    const shrink = Math.min(1, this.#maxSide / Math.max(sourceWidth, sourceHeight));
    const [width, height] = [even(sourceWidth * shrink), even(sourceHeight * shrink)];
    if (this.#encoder?.width === width && this.#encoder.height === height) return this.#encoder;
    return this.#open(width, height);
  }

  setBitrate(bitrate: number): void {
    this.#encoder?.setBitrate(bitrate);
  }

  /** The next frame starts with a new one. */
  close(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
  }

  async #open(width: number, height: number): Promise<LayoutEncoder> {
    this.close();
    this.#encoder = await LayoutEncoder.create(this.#layout, { ...this.#options(), width, height });
    return this.#encoder;
  }
}

const even = (side: number): number => Math.max(2, 2 * Math.round(side / 2));
