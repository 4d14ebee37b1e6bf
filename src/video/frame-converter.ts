import * as av from 'node-av';
import { check, emptyFrame, Guard, scaleFrame, setOptions } from './native.ts';
import type { Picture } from './picture.ts';
import type { YuvMatrix } from './yuv.ts';

/** Unlabelled video is taken for BT.601, as swscale and OpenCV take it. */
export const matrixOf = (frame: av.Frame): YuvMatrix => (frame.colorSpace === av.AVCOL_SPC_BT709 ? 'bt709' : 'bt601');

const SPACES: Record<YuvMatrix, readonly av.AVColorSpace[]> = {
  bt601: [av.AVCOL_SPC_SMPTE170M, av.AVCOL_SPC_BT470BG],
  bt709: [av.AVCOL_SPC_BT709],
};

/** Brings pictures to YUV 4:2:0, 8 bit, limited range, of one size, as video encoders want them. */
export class FrameConverter {
  readonly #context: av.SoftwareScaleContext;
  readonly #guard: Guard;
  readonly #width: number;
  readonly #height: number;
  readonly #matrix: YuvMatrix;

  /** @param width and height even */
  constructor(width: number, height: number, matrix: YuvMatrix) {
    this.#width = width;
    this.#height = height;
    this.#matrix = matrix;
    this.#context = new av.SoftwareScaleContext();
    this.#context.allocContext();
    setOptions(this.#context, { sws_flags: 'bicubic+accurate_rnd+full_chroma_inp' });
    this.#guard = new Guard(() => this.#context.freeContext());
  }

  /** A frame of the caller's own: the picture's where it fits already, otherwise a scaled one. @throws CODEC_FAILED */
  convert(picture: Picture): Promise<av.Frame> {
    return this.#guard.run(() => picture.read((frame) => this.#convert(frame)));
  }

  /** Idempotent. */
  close(): void {
    this.#guard.close();
  }

  async #convert(frame: av.Frame): Promise<av.Frame> {
    const fits =
      frame.width === this.#width &&
      frame.height === this.#height &&
      frame.format === av.AV_PIX_FMT_YUV420P &&
      frame.colorRange === av.AVCOL_RANGE_MPEG &&
      SPACES[this.#matrix].includes(frame.colorSpace);
    const same = fits ? frame.clone() : null;
    if (same) return same;
    const out = yuvFrame(this.#width, this.#height, this.#matrix);
    try {
      check(await scaleFrame(this.#context, out, frame), 'scaling');
      return out;
    } catch (thrown) {
      out.free();
      throw thrown;
    }
  }
}

/** An empty 4:2:0 frame. @throws DepthcastError CODEC_FAILED when memory cannot be had */
export function yuvFrame(width: number, height: number, matrix: YuvMatrix): av.Frame {
  const frame = emptyFrame(width, height, av.AV_PIX_FMT_YUV420P);
  frame.colorSpace = SPACES[matrix][0]!;
  frame.colorRange = av.AVCOL_RANGE_MPEG;
  return frame;
}

export const colourSpaceOf = (matrix: YuvMatrix): av.AVColorSpace => SPACES[matrix][0]!;
