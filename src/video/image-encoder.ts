import * as av from 'node-av';
import { openEncoder } from './encoder.ts';
import { check, Guard } from './native.ts';

const KINDS = {
  /** OpenEXR, one float32 channel "Y", zip-compressed by rows. "Y" is what OpenCV and FFmpeg read; they do not read "Z". */
  exr: { codec: 'exr', format: av.AV_PIX_FMT_GRAYF32LE, options: { compression: 'zip1', format: 'float' } },
  png16: { codec: 'png', format: av.AV_PIX_FMT_GRAY16BE, options: { compression_level: '2', pred: 'up' } },
} as const;

export type ImageKind = keyof typeof KINDS;

/** Encodes single-channel images of one size. */
export class ImageEncoder {
  readonly #kind: ImageKind;
  readonly #context: av.CodecContext;
  readonly #frame = new av.Frame();
  readonly #packet = new av.Packet();
  readonly #guard: Guard;
  #count = 0n;

  private constructor(kind: ImageKind, context: av.CodecContext) {
    this.#kind = kind;
    this.#context = context;
    this.#frame.alloc();
    this.#packet.alloc();
    this.#frame.width = context.width;
    this.#frame.height = context.height;
    this.#frame.format = KINDS[kind].format;
    this.#guard = new Guard(() => {
      this.#context.freeContext();
      this.#frame.free();
      this.#packet.free();
    });
    check(this.#frame.getBuffer(), 'an image');
  }

  /** @throws DepthcastError CODEC_FAILED */
  static async create(kind: ImageKind, width: number, height: number): Promise<ImageEncoder> {
    const { codec, format, options } = KINDS[kind];
    const configure = (context: av.CodecContext) => {
      context.width = width;
      context.height = height;
      context.pixelFormat = format;
      context.colorRange = av.AVCOL_RANGE_JPEG;
      context.timeBase = new av.Rational(1, 1);
      context.threadCount = 1;
    };
    const context = await openEncoder(codec, codec, configure, options);
    try {
      return new ImageEncoder(kind, context);
    } catch (thrown) {
      context.freeContext();
      throw thrown;
    }
  }

  /**
   * @param values [height * width]; for png16 whole numbers in 0..65535
   * @returns the bytes of a file
   * @throws DepthcastError CODEC_FAILED
   */
  encode(values: Float32Array | Uint16Array): Promise<Uint8Array> {
    return this.#guard.run(async () => {
      check(this.#frame.makeWritable(), 'an image');
      this.#fill(values);
      this.#frame.pts = this.#count++;
      check(await this.#context.sendFrame(this.#frame), `encoding ${this.#kind}`);
      check(this.#context.receivePacketSync(this.#packet), `encoding ${this.#kind}`);
      const bytes = Uint8Array.from(this.#packet.data ?? []);
      this.#packet.unref();
      return bytes;
    });
  }

  /** Idempotent. */
  close(): void {
    this.#guard.close();
  }

  #fill(values: Float32Array | Uint16Array): void {
    const { width, height } = this.#frame;
    const plane = this.#frame.data![0]!;
    const stride = this.#frame.linesize[0]!;
    if (this.#kind === 'exr') {
      const floats = new Float32Array(plane.buffer, plane.byteOffset, plane.length >> 2);
      for (let y = 0; y < height; y++) floats.set(values.subarray(y * width, (y + 1) * width), (y * stride) >> 2);
      return;
    }
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0, at = y * stride; x < width; x++, i++, at += 2) {
        const value = values[i]!;
        plane[at] = value >> 8;
        plane[at + 1] = value & 255;
      }
  }
}
