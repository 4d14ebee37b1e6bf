import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { IMPLEMENTATIONS } from './codecs.ts';
import { openEncoder } from './encoder.ts';
import { check, emptyFrame, Guard, sendFrame } from './native.ts';
import type { EncodedFrame, VideoCodec } from './types.ts';

/** Keyframes are sent on request; this is only a bound. */
const KEYFRAME_INTERVAL = 1_000_000;
/** The encoder's clock ticks like RTP's. */
const CLOCK = 90_000;
/** A longer step of the timestamp is taken for a jump of the sender's clock, and counts as one frame to the rate control. */
const MAX_STEP = 10 * CLOCK;
/** Seconds of video that a frame may borrow from the bitrate: short, because the receiver waits for it. */
const RATE_WINDOW = 0.5;
/** What a remote bandwidth estimate may ask for. */
const MIN_BITRATE = 30_000;
const MAX_BITRATE = 200_000_000;
/**
 * FFmpeg cannot change the bitrate of an open libvpx; a new start costs a keyframe. So a change waits for a keyframe,
 * unless it is large: down quickly, because the path is congested, up with patience. Factors, and seconds of video.
 */
const REOPEN_BELOW = 0.8;
const REOPEN_BELOW_AFTER = 1;
const REOPEN_ABOVE = 1.5;
const REOPEN_ABOVE_AFTER = 8;

export interface LiveEncoderOptions {
  codec: VideoCodec;
  /** Of the video, in pixels; odd sizes are rounded up to even. */
  width: number;
  height: number;
  /** Bits a second. */
  bitrate: number;
  /** Frames a second that are expected; a hint to the rate control. */
  fps: number;
  /** The video says that it is BT.601, limited range: WebRTC's receivers take it for that anyway, others go by its size. */
  labelled?: boolean;
}

/** Where a picture is painted: Y, U and V of 4:2:0, 8 bits, and the lengths of their rows in bytes. Its size is even. */
export interface YuvTarget {
  width: number;
  height: number;
  planes: readonly Buffer[];
  strides: readonly number[];
}

/** Encodes pictures as they are painted, without delay: one in, one frame out. A picture begins as the last one was, at first gray. */
export class LiveEncoder {
  readonly codec: VideoCodec;
  readonly width: number;
  readonly height: number;
  readonly #fps: number;
  readonly #frame: av.Frame;
  readonly #target: YuvTarget;
  readonly #packet: av.Packet;
  readonly #guard: Guard;
  #context: av.CodecContext;
  /** What the open encoder aims at, and what was asked for. */
  #bitrate: number;
  #wanted: number;
  #lastTimestamp: number | undefined;
  #afterwards: (() => void) | undefined;
  /** Of the last frame, and when the encoder was opened; in ticks of CLOCK. */
  #pts = 0;
  #openedAt = 0;

  private constructor(context: av.CodecContext, { codec, width, height, bitrate, fps }: LiveEncoderOptions) {
    this.codec = codec;
    this.width = width;
    this.height = height;
    this.#fps = fps;
    this.#context = context;
    this.#bitrate = bitrate;
    this.#wanted = bitrate;
    this.#frame = emptyFrame(width, height, av.AV_PIX_FMT_YUV420P);
    this.#target = { width, height, planes: this.#frame.data!, strides: this.#frame.linesize };
    this.#target.planes[1]!.fill(128);
    this.#target.planes[2]!.fill(128);
    this.#packet = new av.Packet();
    this.#packet.alloc();
    this.#guard = new Guard(() => {
      this.#context.freeContext();
      this.#frame.free();
      this.#packet.free();
      this.#afterwards?.();
    });
  }

  /** @throws DepthcastError CODEC_FAILED when the encoder cannot be opened with these numbers */
  static async create(options: LiveEncoderOptions): Promise<LiveEncoder> {
    const even = {
      ...options,
      width: options.width + (options.width & 1),
      height: options.height + (options.height & 1),
    };
    const context = await openLive(even);
    try {
      return new LiveEncoder(context, even);
    } catch (thrown) {
      context.freeContext();
      throw thrown;
    }
  }

  /**
   * @param paint fills the picture; what it throws is thrown
   * @throws DepthcastError CODEC_FAILED when the encoder fails; INTERNAL on overlapping calls
   */
  encode(
    paint: (target: YuvTarget) => Promise<void>,
    rtpTimestamp: number,
    { keyframe = false }: { keyframe?: boolean } = {},
  ): Promise<EncodedFrame> {
    return this.#guard.run(async () => {
      const reopened = this.#wanted !== this.#bitrate && (await this.#applyBitrate(keyframe));
      await paint(this.#target);
      this.#advance(rtpTimestamp);
      this.#frame.pts = BigInt(this.#pts);
      this.#frame.pictType = keyframe || reopened ? av.AV_PICTURE_TYPE_I : av.AV_PICTURE_TYPE_NONE;
      check(await sendFrame(this.#context, this.#frame), 'encoding');
      return this.#receive(rtpTimestamp);
    });
  }

  /**
   * Aims at another bitrate, in bits a second, from the next frame on. VP8 takes small changes with the next keyframe
   * only, large ones (below 0.8, above 1.5 times the present rate) after a second or eight by itself, with a keyframe.
   */
  setBitrate(bitrate: number): void {
    this.#wanted = bounded(bitrate);
  }

  /**
   * Frees the native memory, once a running call is done. Idempotent.
   * @param afterwards frees what a running call may still paint with
   */
  close(afterwards?: () => void): void {
    this.#afterwards ??= afterwards;
    this.#guard.close();
  }

  /** Returns whether the encoder was opened anew, so that its next frame is a keyframe. */
  async #applyBitrate(keyframe: boolean): Promise<boolean> {
    if (IMPLEMENTATIONS[this.codec].encoder?.liveRate) {
      setRate(this.#context, this.#wanted);
      this.#bitrate = this.#wanted;
      return false;
    }
    const change = this.#wanted / this.#bitrate;
    const age = (this.#pts - this.#openedAt) / CLOCK;
    const pays =
      (change < REOPEN_BELOW && age > REOPEN_BELOW_AFTER) || (change > REOPEN_ABOVE && age > REOPEN_ABOVE_AFTER);
    if (!keyframe && !pays) return false;
    const bitrate = this.#wanted;
    const { codec, width, height } = this;
    const next = await openLive({ codec, width, height, bitrate, fps: this.#fps });
    this.#context.freeContext();
    this.#context = next;
    this.#bitrate = bitrate;
    this.#openedAt = this.#pts;
    return true;
  }

  /** Encoders want rising timestamps: RTP's wrap and may jump. */
  #advance(rtpTimestamp: number): void {
    const step = this.#lastTimestamp === undefined ? 1 : (rtpTimestamp - this.#lastTimestamp) | 0;
    this.#pts += step > 0 && step < MAX_STEP ? step : Math.round(CLOCK / this.#fps);
    this.#lastTimestamp = rtpTimestamp;
  }

  /** Takes the frame out. sendFrame has encoded it already: this only copies it, in 0.01 ms, and may be synchronous. */
  #receive(rtpTimestamp: number): EncodedFrame {
    check(this.#context.receivePacketSync(this.#packet), 'encoding');
    const { data, isKeyframe, pts } = this.#packet;
    // Not Uint8Array.from, which takes ten times as long.
    const copy = data ? new Uint8Array(data) : undefined;
    this.#packet.unref();
    if (!copy || pts !== BigInt(this.#pts)) throw new DepthcastError('CODEC_FAILED', { detail: 'the encoder lags' });
    return { codec: this.codec, data: copy, keyframe: isKeyframe, rtpTimestamp };
  }
}

async function openLive({
  codec,
  width,
  height,
  bitrate,
  fps,
  labelled = false,
}: LiveEncoderOptions): Promise<av.CodecContext> {
  const { encoder } = IMPLEMENTATIONS[codec];
  if (!encoder) throw new DepthcastError('CODEC_FAILED', { detail: `${codec} is only received` });
  const configure = (context: av.CodecContext) => {
    context.width = width;
    context.height = height;
    context.pixelFormat = av.AV_PIX_FMT_YUV420P;
    context.timeBase = new av.Rational(1, CLOCK);
    context.framerate = new av.Rational(fps, 1);
    context.gopSize = KEYFRAME_INTERVAL;
    context.maxBFrames = 0;
    context.threadCount = 1;
    if (labelled) {
      context.colorSpace = av.AVCOL_SPC_SMPTE170M;
      context.colorRange = av.AVCOL_RANGE_MPEG;
    }
    setRate(context, bitrate);
  };
  return openEncoder(encoder.name, codec, configure, encoder.options);
}

function bounded(bitrate: number): number {
  return Math.round(Math.min(MAX_BITRATE, Math.max(MIN_BITRATE, bitrate || 0)));
}

/** Constant bitrate. libx264 takes a change at the next frame; libvpx only reads it when it is opened. */
function setRate(context: av.CodecContext, bitrate: number): void {
  const rate = BigInt(bitrate);
  context.bitRate = rate;
  context.rcMinRate = rate;
  context.rcMaxRate = rate;
  context.rcBufferSize = Math.round(bitrate * RATE_WINDOW);
}
