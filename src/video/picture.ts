import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import type { EncodedFrame } from './types.ts';

let open = 0;

/** When a picture was taken and how it came here, as far as is known. */
export interface PictureOrigin
  extends Pick<EncodedFrame, 'rtpTimestamp' | 'captureTime' | 'captureTimeError' | 'firstPacketAt' | 'lastPacketAt'> {
  /** What its source knows it by; sinks of the same kind find it with the depth. Nobody else looks into it. */
  identity?: unknown;
}

/** One decoded picture. It holds native memory: whoever gets it closes it. */
export class Picture {
  readonly width: number;
  readonly height: number;
  /** 90 kHz, 32 bit: that of the frame it was decoded from. */
  readonly rtpTimestamp: number;
  /** Capture time in ms since the Unix epoch, where known; with an error, in ms, it is an estimate. */
  readonly captureTime: number | undefined;
  readonly captureTimeError: number | undefined;
  readonly identity: unknown;
  /** `performance.now()` when the first and the last packet arrived, and when it was decoded. */
  readonly firstPacketAt: number | undefined;
  readonly lastPacketAt: number | undefined;
  readonly decodedAt: number;
  readonly #frame: av.Frame;
  #readers = 0;
  #closed = false;

  /** @param frame owned by the picture from now on */
  constructor(frame: av.Frame, source: PictureOrigin) {
    this.#frame = frame;
    this.width = frame.width;
    this.height = frame.height;
    this.rtpTimestamp = source.rtpTimestamp;
    this.captureTime = source.captureTime;
    this.captureTimeError = source.captureTimeError;
    this.identity = source.identity;
    this.firstPacketAt = source.firstPacketAt;
    this.lastPacketAt = source.lastPacketAt;
    this.decodedAt = performance.now();
    // WebRTC sends BT.601 limited range unless the stream says otherwise.
    if (frame.colorSpace === av.AVCOL_SPC_UNSPECIFIED) frame.colorSpace = av.AVCOL_SPC_BT470BG;
    if (frame.colorRange === av.AVCOL_RANGE_UNSPECIFIED) frame.colorRange = av.AVCOL_RANGE_MPEG;
    // Both fields are scaled together, as one picture: swscale refuses to scale an interlaced one into one that is not.
    frame.clearFlags(av.AV_FRAME_FLAG_INTERLACED, av.AV_FRAME_FLAG_TOP_FIELD_FIRST);
    open++;
  }

  /** Pictures not closed yet, in this process. */
  static get open(): number {
    return open;
  }

  /**
   * Lends the native frame to work that may run in another thread; it stays alive until the work is done, even when
   * the picture is closed meanwhile.
   * @throws DepthcastError INTERNAL when the picture is closed
   */
  async read<T>(work: (frame: av.Frame) => Promise<T>): Promise<T> {
    if (this.#closed) throw new DepthcastError('INTERNAL', { detail: 'the picture is closed' });
    this.#readers++;
    try {
      return await work(this.#frame);
    } finally {
      this.#readers--;
      this.#freeIfDone();
    }
  }

  /** Gives the native memory back. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    open--;
    this.#freeIfDone();
  }

  #freeIfDone(): void {
    if (this.#closed && this.#readers === 0) this.#frame.free();
  }
}
