import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { check, Guard, scaleFrame, setOptions } from './native.ts';
import type { Picture } from './picture.ts';

/** GBRP frames store their planes in this order; where each goes among R, G, B. */
const PLANE_OF = [1, 2, 0];

/**
 * Turns pictures into network input: one swscale pass from YUV, as the picture's own matrix and range say, to planar
 * float RGB of another size. Bicubic, with the kernel widened when shrinking, so that nothing aliases.
 * The native context and frame are kept and rebuilt when a size changes: keep one scaler per stream.
 */
export class InputScaler {
  /** 50 KiB of native memory: not for a stream that never sends a picture. */
  #context: av.SoftwareScaleContext | undefined;
  readonly #output = new av.Frame();
  readonly #guard = new Guard(() => {
    this.#context?.freeContext();
    this.#output.free();
  });
  #planes: Float32Array[] = [];

  /**
   * @param target planar R, G, B in [0, 1]: 3*height*width floats
   * @throws DepthcastError CODEC_FAILED when swscale fails; INTERNAL on overlapping calls or a wrong target
   */
  scaleInto(picture: Picture, target: Float32Array, width: number, height: number): Promise<void> {
    return this.#guard.run(async () => {
      if (target.length !== 3 * width * height)
        throw new DepthcastError('INTERNAL', { detail: `${target.length} floats for 3x${height}x${width}` });
      const context = this.#open();
      if (this.#output.width !== width || this.#output.height !== height) this.#allocate(width, height);
      check(await picture.read(async (frame) => scaleFrame(context, this.#output, frame)), 'scaling');
      this.#copy(target, width, height);
    });
  }

  /** Frees the native memory, once a running call is done. Idempotent. */
  close(): void {
    this.#guard.close();
  }

  #open(): av.SoftwareScaleContext {
    if (this.#context) return this.#context;
    const context = new av.SoftwareScaleContext();
    context.allocContext();
    // Without explicit sizes and formats, swscale follows what each pair of frames says, colour matrix and range included.
    setOptions(context, { sws_flags: 'bicubic+accurate_rnd+full_chroma_inp' });
    this.#context = context;
    return context;
  }

  #allocate(width: number, height: number): void {
    const frame = this.#output;
    frame.free();
    frame.alloc();
    frame.width = width;
    frame.height = height;
    frame.format = av.AV_PIX_FMT_GBRPF32LE;
    frame.colorSpace = av.AVCOL_SPC_RGB;
    frame.colorRange = av.AVCOL_RANGE_JPEG;
    check(frame.getBuffer(), `a ${width}x${height} picture`);
    this.#planes = frame.data!.map((bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
  }

  #copy(target: Float32Array, width: number, height: number): void {
    const stride = this.#output.linesize[0]! / 4;
    this.#planes.forEach((plane, index) => {
      const start = PLANE_OF[index]! * width * height;
      if (stride === width)
        target.set(plane.length === width * height ? plane : plane.subarray(0, width * height), start);
      else
        for (let y = 0; y < height; y++) target.set(plane.subarray(y * stride, y * stride + width), start + y * width);
    });
  }
}
