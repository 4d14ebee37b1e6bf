import type * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import type { Layout } from '../protocol/output.ts';
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
 * Encodes a stream's pictures and depth as one video, without delay: depth alone, the picture above or beside its depth, or depth
 * in colours. Picture and depth of a frame are pixels of one video frame: nothing behind this can separate them.
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
    if (layout === 'stacked' || layout === 'side-by-side') this.#converter = new FrameConverter(width, height, MATRIX);
    if (layout !== 'colour-map') return;
    this.#painter = new Painter(width, height, 'inferno', MATRIX);
    this.#shades = Buffer.alloc(width * height);
  }

  /**
   * @param options width and height, even, are those of one picture
   * @throws DepthcastError CODEC_FAILED when the encoder cannot be opened with these numbers
   */
  static async create(layout: Layout, options: LiveEncoderOptions): Promise<LayoutEncoder> {
    const { width, height } = options;
    const size = {
      width: layout === 'side-by-side' ? 2 * width : width,
      height: layout === 'stacked' ? 2 * height : height,
    };
    return new LayoutEncoder(layout, await LiveEncoder.create({ ...options, ...size }), options);
  }

  /**
   * @param depth as `shadesOf` has it; scaled to the picture's size, bilinear. @param picture what it was made of
   * @throws DepthcastError CODEC_FAILED when the encoder fails; INTERNAL on overlapping calls or without the picture
   */
  encode(
    depth: Shades,
    picture: Picture | undefined,
    rtpTimestamp: number,
    options: { keyframe?: boolean } = {},
  ): Promise<EncodedFrame> {
    return this.#encoder.encode((target) => this.#paint(target, depth, picture), rtpTimestamp, options);
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

  async #paint(target: YuvTarget, depth: Shades, picture: Picture | undefined): Promise<void> {
    const { width, height } = this;
    if (this.#painter && this.#shades) {
      await this.#scaler.scale(depth.data, depth.width, depth.height, {
        data: this.#shades,
        stride: width,
        width,
        height,
      });
      this.#painter.paintShades(this.#shades, target);
      return;
    }
    const stride = target.strides[0]!;
    const first = { stacked: height * stride, 'side-by-side': width, depth: 0, 'colour-map': 0 }[this.layout];
    const data = target.planes[0]!.subarray(first);
    await this.#scaler.scale(depth.data, depth.width, depth.height, { data, stride, width, height });
    if (this.#converter === undefined) return;
    if (picture === undefined) throw new DepthcastError('INTERNAL', { detail: 'no picture to show beside its depth' });
    const colour = await this.#converter.convert(picture);
    try {
      place(colour, target);
    } finally {
      colour.free();
    }
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
