import { LiveEncoder, type LiveEncoderOptions } from './live-encoder.ts';
import { PlaneScaler } from './plane-scaler.ts';
import type { EncodedFrame, VideoCodec } from './types.ts';

/**
 * Encodes luma maps of any size as grayscale video without delay: one map in, one frame out. Luma is kept as it is,
 * 0..255, with no range conversion; chroma is neutral.
 */
export class GrayEncoder {
  readonly #encoder: LiveEncoder;
  readonly #scaler = new PlaneScaler();

  private constructor(encoder: LiveEncoder) {
    this.#encoder = encoder;
  }

  /** @throws DepthcastError CODEC_FAILED when the encoder cannot be opened with these numbers */
  static async create(options: LiveEncoderOptions): Promise<GrayEncoder> {
    return new GrayEncoder(await LiveEncoder.create(options));
  }

  get codec(): VideoCodec {
    return this.#encoder.codec;
  }

  /** Of the video, in pixels. */
  get width(): number {
    return this.#encoder.width;
  }

  get height(): number {
    return this.#encoder.height;
  }

  /**
   * @param luma row-major, lumaWidth*lumaHeight bytes; scaled to the video's size, bilinear
   * @throws DepthcastError CODEC_FAILED when the encoder fails; INTERNAL on overlapping calls or a wrong map
   */
  encode(
    luma: Uint8Array | Uint8ClampedArray,
    lumaWidth: number,
    lumaHeight: number,
    rtpTimestamp: number,
    options: { keyframe?: boolean } = {},
  ): Promise<EncodedFrame> {
    const paint: Parameters<LiveEncoder['encode']>[0] = ({ planes, strides, width, height }) =>
      this.#scaler.scale(luma, lumaWidth, lumaHeight, { data: planes[0]!, stride: strides[0]!, width, height });
    return this.#encoder.encode(paint, rtpTimestamp, options);
  }

  /** See LiveEncoder. */
  setBitrate(bitrate: number): void {
    this.#encoder.setBitrate(bitrate);
  }

  /** Frees the native memory, once a running call is done. Idempotent. */
  close(): void {
    this.#encoder.close(() => this.#scaler.close());
  }
}
