import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { check, Guard, scalePlane } from './native.ts';

/** A part of a plane of bytes: `data` begins with its first pixel. */
export interface PlanePart {
  data: Buffer;
  stride: number;
  width: number;
  height: number;
}

/**
 * Pixels that are scaled on the calling thread: 640x480 take 0.09 ms, less than the way to libuv's pool and back. Beyond, 0.4 ms are
 * more than it should be held up for.
 */
const MAX_SHORT = 1 << 21;

/** Scales planes of bytes, bilinear, as they are; large ones in libuv's pool. One call at a time. */
export class PlaneScaler {
  #context: av.SoftwareScaleContext | undefined;
  #sizes = '';
  /** The caller's plane, copied: it may be reused while the pool still reads. */
  #source = Buffer.alloc(0);
  readonly #guard = new Guard(() => this.#context?.freeContext());

  /**
   * @param plane row-major, width*height bytes; read before this returns
   * @throws DepthcastError CODEC_FAILED; INTERNAL on overlapping calls or a wrong plane
   */
  scale(plane: Uint8Array | Uint8ClampedArray, width: number, height: number, into: PlanePart): Promise<void> {
    return this.#guard.run(async () => {
      if (plane.length !== width * height)
        throw new DepthcastError('INTERNAL', { detail: `${plane.length} bytes for ${width}x${height}` });
      if (width === into.width && height === into.height) {
        for (let y = 0; y < height; y++) into.data.set(plane.subarray(y * width, (y + 1) * width), y * into.stride);
        return;
      }
      const sizes = `${width}x${height} ${into.width}x${into.height}`;
      if (sizes !== this.#sizes) this.#open(width, height, into);
      this.#sizes = sizes;
      this.#source.set(plane);
      const planes: Parameters<av.SoftwareScaleContext['scaleSync']> = [
        [this.#source],
        [width],
        0,
        height,
        [into.data],
        [into.stride],
      ];
      const short = into.width * into.height <= MAX_SHORT;
      check(short ? this.#context!.scaleSync(...planes) : await scalePlane(this.#context!, ...planes), 'scaling');
    });
  }

  /** Idempotent. */
  close(): void {
    this.#guard.close();
  }

  #open(width: number, height: number, into: PlanePart): void {
    this.#context?.freeContext();
    this.#context = new av.SoftwareScaleContext();
    const gray = av.AV_PIX_FMT_GRAY8;
    this.#context.getContext(width, height, gray, into.width, into.height, gray, av.SWS_BILINEAR);
    this.#source = Buffer.alloc(width * height);
  }
}
