import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { IMPLEMENTATIONS } from './codecs.ts';
import { check, Guard, openCodec, sendPacket, setOptions } from './native.ts';
import { Picture } from './picture.ts';
import type { EncodedFrame, VideoCodec } from './types.ts';

/**
 * Frames that may wait for the decoder; more means that it cannot keep up. A second of video: decoding is quick, so a
 * stalled machine catches up within a few frames, while starting over costs a keyframe.
 */
const MAX_BACKLOG = 32;
/** So many may wait where they came together, as behind the repair of a lost packet: the first within this time. */
const MAX_BURST = 64;
const BURST_MS = 500;

const REORDERED = 'the pictures come in another order than they are shown; send without B-frames';

export interface DecoderOptions {
  /** Largest picture that is decoded, in pixels. */
  maxWidth?: number;
  maxHeight?: number;
  /** Threads within one picture. More than one adds no delay, but few streams have slices to share out. */
  threads?: number;
}

export interface DecoderStats {
  decoded: number;
  /** Frames passed over while waiting for a keyframe, or because a keyframe overtook them. */
  skipped: number;
  failed: number;
}

interface Waiting {
  /** performance.now() when it came. */
  at: number;
  frame: EncodedFrame;
  resolve(picture: Picture | undefined): void;
  reject(error: unknown): void;
}

/**
 * Decodes one stream, strictly in order and without delay: one frame in, one picture out. It never hands out a picture
 * that was decoded from a broken reference: after any failure it waits for the next keyframe. What it cannot see is a
 * frame that never came (VP8 numbers none): its source must hold back what follows a loss until a keyframe.
 */
export class LiveDecoder {
  readonly codec: VideoCodec;
  readonly stats: DecoderStats = { decoded: 0, skipped: 0, failed: 0 };
  readonly #context: av.CodecContext;
  readonly #packet: av.Packet;
  readonly #guard: Guard;
  readonly #maxWidth: number;
  readonly #maxHeight: number;
  readonly #queue: Waiting[] = [];
  /** The frame that is being decoded. */
  #current: EncodedFrame | undefined;
  /** Whether frames were refused since the last one that was let in. */
  #gap = false;
  /** Whether the decoder's references are no good. */
  #broken = true;

  private constructor(codec: VideoCodec, context: av.CodecContext, { maxWidth, maxHeight }: Required<DecoderOptions>) {
    this.codec = codec;
    this.#context = context;
    this.#packet = new av.Packet();
    this.#packet.alloc();
    this.#maxWidth = maxWidth;
    this.#maxHeight = maxHeight;
    this.#guard = new Guard(() => {
      this.#context.freeContext();
      this.#packet.free();
    });
  }

  /** @throws DepthcastError CODEC_FAILED when FFmpeg cannot open the codec */
  static async create(codec: VideoCodec, options: DecoderOptions = {}): Promise<LiveDecoder> {
    const { maxWidth = 4096, maxHeight = 4096, threads = 1 } = options;
    const implementation = av.Codec.findDecoderByName(IMPLEMENTATIONS[codec].decoder as av.FFVideoDecoder);
    if (!implementation) throw new DepthcastError('CODEC_FAILED', { detail: `FFmpeg has no ${codec} decoder` });
    const context = new av.CodecContext();
    context.allocContext3(implementation);
    try {
      context.threadCount = threads;
      context.threadType = av.FF_THREAD_SLICE;
      context.timeBase = new av.Rational(1, 90_000);
      // Cropping to the pixel, and not to where rows of memory begin.
      context.setFlags(av.AV_CODEC_FLAG_LOW_DELAY, av.AV_CODEC_FLAG_UNALIGNED);
      // A damaged picture is an error. H.264 pictures of several slices are only known to be whole by the table that
      // concealment keeps: ec=0 would report each as damaged. Of its methods this is the cheapest, and what it makes is
      // thrown away (see #isShown).
      setOptions(context, {
        err_detect: 'explode',
        ec: 'favor_inter',
        // With slack for FFmpeg's own alignment; #receive looks at the exact size.
        max_pixels: String((maxWidth + 128) * (maxHeight + 128)),
      });
      check(await openCodec(context, implementation), `opening the ${codec} decoder`);
    } catch (error) {
      context.freeContext();
      throw error;
    }
    return new LiveDecoder(codec, context, { maxWidth, maxHeight, threads });
  }

  /** Whether nothing will be decoded before a keyframe arrives: ask the sender for one. */
  get waitsForKeyframe(): boolean {
    const coming = this.#current?.keyframe || this.#queue.some(({ frame }) => frame.keyframe);
    return this.#gap || (this.#broken && !coming);
  }

  /**
   * Decodes the next frame of the stream. Resolves with the picture, or with undefined where the frame shows none or is
   * passed over. `frame.data` must not change until then.
   * @throws DepthcastError CODEC_FAILED: the frame is damaged. PICTURE_TOO_LARGE: beyond maxWidth or maxHeight.
   *   DECODER_OVERRUN: too many frames wait. After each, the decoder waits for a keyframe. INTERNAL: it is closed
   */
  decode(frame: EncodedFrame): Promise<Picture | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#guard.closed) return reject(new DepthcastError('INTERNAL', { detail: 'the decoder is closed' }));
      if (frame.codec !== this.codec)
        return reject(new DepthcastError('BAD_VIDEO', { detail: `a ${frame.codec} frame in a ${this.codec} stream` }));
      if (frame.keyframe) {
        this.#gap = false;
        // With so much waiting, what came before belongs to a past that could not be kept up with.
        if (this.#isFull) this.#skipQueue();
      }
      if (this.#gap) {
        this.stats.skipped++;
        return resolve(undefined);
      }
      if (this.#isFull) {
        this.#gap = true;
        return reject(new DepthcastError('DECODER_OVERRUN'));
      }
      this.#queue.push({ frame, at: performance.now(), resolve, reject });
      if (!this.#current) void this.#drain();
    });
  }

  /** Frees the decoder once the running call is done; frames that still wait resolve with undefined. Idempotent. */
  close(): void {
    this.#skipQueue();
    this.#guard.close();
  }

  get #isFull(): boolean {
    const { length } = this.#queue;
    if (length < MAX_BACKLOG) return false;
    return length >= MAX_BURST || performance.now() - this.#queue[0]!.at > BURST_MS;
  }

  #skipQueue(): void {
    for (const { resolve } of this.#queue.splice(0)) {
      this.stats.skipped++;
      resolve(undefined);
    }
  }

  async #drain(): Promise<void> {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const { frame, resolve, reject } = next;
      this.#current = frame;
      try {
        const picture = await this.#guard.run(() => this.#decode(frame));
        if (this.#guard.closed) picture?.close();
        resolve(this.#guard.closed ? undefined : picture);
      } catch (error) {
        this.stats.failed++;
        reject(error);
      }
    }
    this.#current = undefined;
  }

  async #decode(frame: EncodedFrame): Promise<Picture | undefined> {
    if (this.#broken && !frame.keyframe) {
      this.stats.skipped++;
      return undefined;
    }
    try {
      const size = IMPLEMENTATIONS[this.codec].size(frame.data);
      if (size && (size.width > roundUp(this.#maxWidth) || size.height > roundUp(this.#maxHeight))) this.#refuse(size);
      if (this.#broken) this.#context.flushBuffers();
      await this.#send(frame);
      const picture = this.#receive(frame);
      this.#broken = false;
      return picture;
    } catch (error) {
      this.#broken = true;
      throw error;
    }
  }

  async #send({ data, rtpTimestamp, keyframe }: EncodedFrame): Promise<void> {
    this.#packet.data = Buffer.from(data.buffer, data.byteOffset, data.length);
    this.#packet.pts = BigInt(rtpTimestamp);
    this.#packet.dts = this.#packet.pts;
    this.#packet.isKeyframe = keyframe;
    const code = await sendPacket(this.#context, this.#packet);
    this.#packet.unref();
    check(code, 'decoding');
  }

  /** Takes the picture out. #send has decoded it already: this only moves a pointer, in 0.01 ms, and may be synchronous. */
  #receive(frame: EncodedFrame): Picture | undefined {
    let shown = this.#receiveOne(frame, false);
    // Of spatial layers, the last one is the whole picture.
    while (shown && IMPLEMENTATIONS[this.codec].layered) {
      const next = this.#receiveOne(frame, true);
      if (!next) break;
      shown.free();
      shown = next;
    }
    if (!shown) return undefined;
    this.stats.decoded++;
    return new Picture(shown, frame);
  }

  /** @param more whether a picture of this frame came out already */
  #receiveOne(frame: EncodedFrame, more: boolean): av.Frame | undefined {
    const decoded = new av.Frame();
    decoded.alloc();
    try {
      const code = this.#context.receiveFrameSync(decoded);
      if (!(more && code === av.AVERROR_EAGAIN) && this.#isShown(code, decoded, frame)) return decoded;
    } catch (error) {
      decoded.free();
      throw error;
    }
    decoded.free();
    return undefined;
  }

  #isShown(code: number, decoded: av.Frame, frame: EncodedFrame): boolean {
    if (code === av.AVERROR_EAGAIN) {
      // VP8 has invisible frames. An H.264 picture that does not come out is damaged, or waits for a later one.
      if (IMPLEMENTATIONS[this.codec].hasPicture?.(frame.data))
        throw failed(this.#context.hasBFrames > 0 ? REORDERED : 'the frame gave no picture');
      return false;
    }
    check(code, 'decoding');
    if (decoded.decodeErrorFlags !== 0 || decoded.hasFlags(av.AV_FRAME_FLAG_CORRUPT)) throw failed('damaged picture');
    if (decoded.pts !== BigInt(frame.rtpTimestamp)) throw failed(REORDERED);
    if (decoded.width > this.#maxWidth || decoded.height > this.#maxHeight) this.#refuse(decoded);
    return true;
  }

  #refuse({ width, height }: { width: number; height: number }): never {
    throw new DepthcastError('PICTURE_TOO_LARGE', {
      detail: `${width}x${height}; at most ${this.#maxWidth}x${this.#maxHeight}`,
    });
  }
}

function failed(detail: string): DepthcastError {
  return new DepthcastError('CODEC_FAILED', { detail });
}

/** Codecs store whole macroblocks. */
function roundUp(pixels: number): number {
  return Math.ceil(pixels / 16) * 16;
}
