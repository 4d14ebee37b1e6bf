import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';

// Damaged video is everyday business here, not worth FFmpeg's own lines on stderr.
av.Log.setLevel(av.AV_LOG_FATAL);

let synchronous = false;

/**
 * From now on live codec calls of this thread run on it, not in libuv's pool: a thread that others may have to end, and that is one of
 * many, as the pool has four threads for all. A thread with a call in the pool must not end: the process would abort.
 */
export function callOnThisThread(): void {
  synchronous = true;
}

type Answer = number | Promise<number>;

/** In a microtask of its own: what decoding costs is not the packet's whose handling began it. */
export const sendPacket = (context: av.CodecContext, packet: av.Packet): Promise<number> =>
  synchronous ? Promise.resolve().then(() => context.sendPacketSync(packet)) : context.sendPacket(packet);

export const sendFrame = (context: av.CodecContext, frame: av.Frame): Answer =>
  synchronous ? context.sendFrameSync(frame) : context.sendFrame(frame);

export const openCodec = (context: av.CodecContext, codec: av.Codec): Answer =>
  synchronous ? context.open2Sync(codec, null) : context.open2(codec, null);

export const scaleFrame = (context: av.SoftwareScaleContext, into: av.Frame, frame: av.Frame): Answer =>
  synchronous ? context.scaleFrameSync(into, frame) : context.scaleFrame(into, frame);

export const scalePlane = (
  context: av.SoftwareScaleContext,
  ...planes: Parameters<av.SoftwareScaleContext['scale']>
): Answer => (synchronous ? context.scaleSync(...planes) : context.scale(...planes));

/** Turns a negative FFmpeg return code into CODEC_FAILED. */
export function check(code: number, what: string): void {
  if (code < 0) throw new DepthcastError('CODEC_FAILED', { detail: `${what}: ${av.FFmpegError.strerror(code)}` });
}

/** Sets private codec options; a misspelt one is an error here, not silently ignored. */
export function setOptions(target: av.CodecContext | av.SoftwareScaleContext, options: Record<string, string>): void {
  for (const [name, value] of Object.entries(options)) check(target.setOption(name, value), `option ${name}=${value}`);
}

/** A frame with memory of its own. @throws DepthcastError CODEC_FAILED when memory cannot be had */
export function emptyFrame(width: number, height: number, format: av.AVPixelFormat): av.Frame {
  const frame = new av.Frame();
  frame.alloc();
  frame.width = width;
  frame.height = height;
  frame.format = format;
  check(frame.getBuffer(), `a ${width}x${height} picture`);
  return frame;
}

/** Copies rows without padding into a frame's only plane. @param bytes of one pixel */
export function fillRows(frame: av.Frame, samples: Uint8Array | Uint8ClampedArray, bytes: number): void {
  const [plane, stride] = [frame.data![0]!, frame.linesize[0]!];
  const row = frame.width * bytes;
  for (let y = 0; y < frame.height; y++) plane.set(samples.subarray(y * row, (y + 1) * row), y * stride);
}

/**
 * Guards a native object that works in the libuv pool: one call at a time, and no freeing under a running call, which
 * would crash the process.
 */
export class Guard {
  readonly #free: () => void;
  #running = false;
  #closed = false;

  constructor(free: () => void) {
    this.#free = free;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws DepthcastError INTERNAL when a call is under way or the object is closed */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new DepthcastError('INTERNAL', { detail: 'used after close()' });
    if (this.#running) throw new DepthcastError('INTERNAL', { detail: 'calls may not overlap' });
    this.#running = true;
    try {
      return await work();
    } finally {
      this.#running = false;
      if (this.#closed) this.#free();
    }
  }

  /** Frees now, or as soon as the running call is done. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#running) this.#free();
  }
}
