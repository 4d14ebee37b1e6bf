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

  /** @throws DepthcastError CODEC_FAILED */
  async of(source: { sourceWidth: number; sourceHeight: number }): Promise<LayoutEncoder> {
    const { sourceWidth, sourceHeight } = source;
    const shrink = Math.min(1, this.#maxSide / Math.max(sourceWidth, sourceHeight));
    const even = (side: number) => Math.max(2, 2 * Math.round((side * shrink) / 2));
    const [width, height] = [even(sourceWidth), even(sourceHeight)];
    if (this.#encoder?.width === width && this.#encoder.height === height) return this.#encoder;
    this.close();
    this.#encoder = await LayoutEncoder.create(this.#layout, { ...this.#options(), width, height });
    return this.#encoder;
  }

  setBitrate(bitrate: number): void {
    this.#encoder?.setBitrate(bitrate);
  }

  /** The next frame starts with a new one. */
  close(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
  }
}
