import * as av from 'node-av';
import { openEncoder } from './encoder.ts';
import { check, emptyFrame, Guard, scaleFrame, sendFrame, setOptions } from './native.ts';
import type { Picture } from './picture.ts';

/** 2 (best) to 31, in units of FF_QP2LAMBDA. */
const QUALITY = 4 * 118;

/** Encodes pictures of one size as JPEG files, in the libuv pool. One call at a time. */
export class JpegEncoder {
  readonly #context: av.CodecContext;
  readonly #scaler = new av.SoftwareScaleContext();
  readonly #frame: av.Frame;
  readonly #packet = new av.Packet();
  readonly #guard: Guard;
  #count = 0n;

  private constructor(context: av.CodecContext) {
    this.#context = context;
    this.#frame = emptyFrame(context.width, context.height, av.AV_PIX_FMT_YUVJ420P);
    this.#frame.colorSpace = av.AVCOL_SPC_BT470BG;
    this.#frame.colorRange = av.AVCOL_RANGE_JPEG;
    this.#packet.alloc();
    this.#scaler.allocContext();
    setOptions(this.#scaler, { sws_flags: 'bilinear' });
    this.#guard = new Guard(() => {
      this.#context.freeContext();
      this.#scaler.freeContext();
      this.#frame.free();
      this.#packet.free();
    });
  }

  /** @throws DepthcastError CODEC_FAILED */
  static async create(width: number, height: number): Promise<JpegEncoder> {
    const configure = (context: av.CodecContext) => {
      Object.assign(context, { width, height, pixelFormat: av.AV_PIX_FMT_YUVJ420P, threadCount: 1 });
      context.colorRange = av.AVCOL_RANGE_JPEG;
      context.timeBase = new av.Rational(1, 1);
    };
    const options = { flags: '+qscale', global_quality: String(QUALITY) };
    return new JpegEncoder(await openEncoder('mjpeg', 'JPEG', configure, options));
  }

  fits({ width, height }: Picture): boolean {
    return this.#context.width === width && this.#context.height === height;
  }

  /** @returns the bytes of a file. @throws DepthcastError CODEC_FAILED */
  encode(picture: Picture): Promise<Uint8Array> {
    return picture.read((source) => this.encodeFrame(source));
  }

  /** The same of a frame, which stays the caller's. @throws DepthcastError CODEC_FAILED */
  encodeFrame(source: av.Frame): Promise<Uint8Array> {
    return this.#guard.run(async () => {
      check(this.#frame.makeWritable(), 'a picture');
      check(await scaleFrame(this.#scaler, this.#frame, source), 'scaling');
      this.#frame.pts = this.#count++;
      this.#frame.quality = QUALITY;
      check(await sendFrame(this.#context, this.#frame), 'encoding a picture');
      check(this.#context.receivePacketSync(this.#packet), 'encoding a picture');
      const bytes = new Uint8Array(this.#packet.data ?? []);
      this.#packet.unref();
      return bytes;
    });
  }

  /** Idempotent. */
  close(): void {
    this.#guard.close();
  }
}
