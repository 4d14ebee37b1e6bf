import type * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { LAYOUT_PARTS, type Layout } from '../protocol/output.ts';
import { FrameConverter } from './frame-converter.ts';
import { LiveEncoder, type LiveEncoderOptions, type YuvTarget } from './live-encoder.ts';
import { Painter } from './painter.ts';
import type { Picture } from './picture.ts';
import { PlaneScaler } from './plane-scaler.ts';
import type { EncodedFrame } from './types.ts';

/** Receivers of live video take it for BT.601, whatever it was. */
const MATRIX = 'bt601';

/** A depth map as shades, row-major. */
export interface Shades {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

/** Luma with which depth is shown: gray keeps to the ends of video range (ITU-R BT.601), a colour map has its own table. */
export const shadesOf = (layout: Layout): { near: number; far: number } =>
  layout === 'colour-map' ? { near: 255, far: 0 } : { near: 235, far: 16 };

/**
 * Encodes a stream's pictures and depth as one video, without delay: depth alone, in colours or as a matte, the
 * picture alone, or above or beside one of these. Picture and depth of a frame are pixels of one video frame: nothing behind this can separate them.
 */
export class LayoutEncoder {
  readonly layout: Layout;
  /** Of one picture, not of the video, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly #encoder: LiveEncoder;
  readonly #scaler = new PlaneScaler();
  readonly #converter: FrameConverter | undefined;
  readonly #painter: Painter | undefined;
  /** Shades at the picture's size, to be painted in colours. */
  readonly #shades: Buffer | undefined;

  private constructor(layout: Layout, encoder: LiveEncoder, { width, height }: LiveEncoderOptions) {
    this.layout = layout;
    this.width = width;
    this.height = height;
    this.#encoder = encoder;
    if (LAYOUT_PARTS[layout].picture !== 'none') this.#converter = new FrameConverter(width, height, MATRIX);
    if (layout !== 'colour-map') return;
    this.#painter = new Painter(width, height, 'inferno', MATRIX);
    this.#shades = Buffer.alloc(width * height);
  }

  /** Size of the video, in pixels. */
  get video(): { width: number; height: number } {
    const { width, height } = this.#encoder;
    return { width, height };
  }

  /**
   * @param options width and height, even, are those of one picture
   * @throws DepthcastError CODEC_FAILED when the encoder cannot be opened with these numbers
   */
  static async create(layout: Layout, options: LiveEncoderOptions): Promise<LayoutEncoder> {
    const { width, height } = options;
    const { picture } = LAYOUT_PARTS[layout];
    const size = { width: picture === 'left' ? 2 * width : width, height: picture === 'above' ? 2 * height : height };
    return new LayoutEncoder(layout, await LiveEncoder.create({ ...options, ...size }), options);
  }

  /**
   * @param shades as `shadesOf` has it; scaled to the picture's size, bilinear; none for `fill`. @param picture what it was made of
   * @throws DepthcastError CODEC_FAILED when the encoder fails; INTERNAL on overlapping calls, without the picture or shades
   */
  encode(
    shades: Shades | undefined,
    picture: Picture | undefined,
    rtpTimestamp: number,
    options: { keyframe?: boolean } = {},
  ): Promise<EncodedFrame> {
    return this.#encoder.encode((target) => this.#paint(target, shades, picture), rtpTimestamp, options);
  }

  /** The last picture once more, or gray before the first. @throws DepthcastError CODEC_FAILED, INTERNAL as `encode` does */
  repeat(rtpTimestamp: number): Promise<EncodedFrame> {
    return this.#encoder.encode(async () => {}, rtpTimestamp);
  }

  /** See LiveEncoder. */
  setBitrate(bitrate: number): void {
    this.#encoder.setBitrate(bitrate);
  }

  /** Frees the native memory, once a running call is done. Idempotent. */
  close(): void {
    this.#encoder.close(() => {
      this.#scaler.close();
      this.#converter?.close();
    });
  }

  async #paint(target: YuvTarget, shades: Shades | undefined, picture: Picture | undefined): Promise<void> {
    if (this.layout !== 'fill') {
      if (shades === undefined) throw new DepthcastError('INTERNAL', { detail: 'no shades to show' });
      await this.#paintShades(target, shades);
    }
    if (this.#converter === undefined) return;
    if (picture === undefined) throw new DepthcastError('INTERNAL', { detail: 'no picture to show' });
    const colour = await this.#converter.convert(picture);
    try {
      place(colour, target);
    } finally {
      colour.free();
    }
  }

  async #paintShades(target: YuvTarget, shades: Shades): Promise<void> {
    const { width, height } = this;
    if (this.#painter && this.#shades) {
      const plane = { data: this.#shades, stride: width, width, height };
      await this.#scaler.scale(shades.data, shades.width, shades.height, plane);
      this.#painter.paintShades(this.#shades, target);
      return;
    }
    const stride = target.strides[0]!;
    const { picture } = LAYOUT_PARTS[this.layout];
    const data = target.planes[0]!.subarray(picture === 'above' ? height * stride : picture === 'left' ? width : 0);
    await this.#scaler.scale(shades.data, shades.width, shades.height, { data, stride, width, height });
  }
}

/** Copies a picture into the upper left of a larger one. */
function place(picture: av.Frame, { planes, strides }: YuvTarget): void {
  const { width, height, linesize } = picture;
  for (const [n, plane] of picture.data!.slice(0, 3).entries()) {
    const [row, rows] = n === 0 ? [width, height] : [width >> 1, height >> 1];
    for (let y = 0; y < rows; y++)
      planes[n]!.set(plane.subarray(y * linesize[n]!, y * linesize[n]! + row), y * strides[n]!);
  }
}
