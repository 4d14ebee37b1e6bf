import { type LiveDepth, linearLuma, toLuma } from '../stream/live-depth.ts';
import { FrameConverter } from '../video/frame-converter.ts';
import type { Shades } from '../video/index.ts';
import { enlargeLuma, mayEnlarge } from '../video/upsampling.ts';
import { shadeMap } from './map-packer.ts';
import type { MatteShades } from './matte-shades.ts';

interface Size {
  width: number;
  height: number;
}

/**
 * Depth maps, or a matte of them, as the shades that a track shows: of their own size where they are only interpolated afterwards, or enlarged along
 * the edges of their pictures, once for all tracks of a stream with the same size and shades.
 */
export class TrackShades {
  readonly #range: { near: number; far: number };
  readonly #matte: MatteShades | undefined;
  #plain = new Uint8ClampedArray(0);
  #converter: { size: Size; converter: FrameConverter } | undefined;

  /** @param range shades of `near` and `far`. @param matte what is shown instead of depth */
  constructor(range: { near: number; far: number }, matte?: MatteShades) {
    this.#range = range;
    this.#matte = matte;
  }

  /**
   * @param size of the picture in the track. A smaller one than the map's has no finer edges to go by.
   * @returns at once where they are only to be interpolated; valid until the next call, and as long as the depth is retained
   * @throws DepthcastError CODEC_FAILED, BUSY, INTERNAL
   */
  of(depth: LiveDepth, { width, height }: Size): Shades | Promise<Shades> {
    const matte = this.#matte;
    if (matte) return matte.of(depth, { width, height }, () => this.#converterFor({ width, height }));
    const { map, info, source } = depth;
    if (source !== undefined && source.upsampling !== 'off' && mayEnlarge(map, { width, height })) {
      const { picture, upsampling } = source;
      return depth.shared(`${width}x${height} ${this.#range.near}`, async () => {
        const colour = await this.#converterFor({ width, height }).convert(picture);
        try {
          const { unit, near, far } = info;
          const meant = { unit, near, far, values: map.values, width: map.width, height: map.height };
          return await enlargeLuma(meant, colour, upsampling, this.#range);
        } finally {
          colour.free();
        }
      });
    }
    if (this.#plain.length !== map.values.length) this.#plain = new Uint8ClampedArray(map.values.length);
    const { scale, shift } = linearLuma(info, this.#range);
    if (info.unit !== 'disparity' || !shadeMap(map.values, scale, shift, this.#plain))
      toLuma(map.values, info, this.#range, this.#plain);
    return { data: this.#plain, width: map.width, height: map.height };
  }

  /** Idempotent. */
  close(): void {
    this.#converter?.converter.close();
    this.#converter = undefined;
  }

  #converterFor(size: Size): FrameConverter {
    const kept = this.#converter;
    if (kept?.size.width === size.width && kept.size.height === size.height) return kept.converter;
    kept?.converter.close();
    const converter = new FrameConverter(size.width, size.height, 'bt601');
    this.#converter = { size, converter };
    return converter;
  }
}
