import { availableParallelism } from 'node:os';
import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { colourSpaceOf } from './frame-converter.ts';
import { Guard, setOptions } from './native.ts';
import type { YuvMatrix } from './yuv.ts';

/** Ticks a second of written timestamps: exact for every usual frame rate. */
const CLOCK = 90_000;
const TIME_BASE = { num: 1, den: CLOCK };
/** Seconds between keyframes: how finely a player can seek. */
const KEYFRAME_SECONDS = 2;
/** What a killed process loses at most, in ms of its time. */
const FLUSH_MS = 3000;

export interface VideoWriterOptions {
  /** Pixels, even. */
  width: number;
  height: number;
  /** Frames a second that are expected. */
  fps: { num: number; den: number };
  matrix: YuvMatrix;
  /** Of a pixel, width by height; 0/1 where nothing is said. */
  aspect?: { num: number; den: number };
}

/**
 * Writes H.264 in MP4, frame by frame. While it is written, the file is fragmented: after a crash it plays up to the last
 * few seconds; closing makes it an ordinary one. No B-frames, so the file can be cut behind any frame and gone on with.
 */
export class VideoWriter {
  readonly #format: av.FormatContext;
  readonly #encoder: av.CodecContext;
  readonly #stream: av.Stream;
  readonly #packet = new av.Packet();
  readonly #guard: Guard;
  readonly #duration: bigint;
  #lastPts = -1n;
  #flushedAt = performance.now();
  /** Frames since then. */
  #unflushed = 0;

  private constructor(
    format: av.FormatContext,
    encoder: av.CodecContext,
    stream: av.Stream,
    fps: VideoWriterOptions['fps'],
  ) {
    this.#format = format;
    this.#encoder = encoder;
    this.#stream = stream;
    this.#duration = BigInt(Math.max(1, Math.round((CLOCK * fps.den) / fps.num)));
    this.#packet.alloc();
    this.#guard = new Guard(() => {
      this.#encoder.freeContext();
      this.#packet.free();
      // Not asynchronously: a thread may end right after this.
      this.#format.closeOutputSync();
    });
  }

  /** @throws DepthcastError DISK_FULL, CODEC_FAILED when the file cannot be made or the encoder not be opened */
  static async create(path: string, options: VideoWriterOptions): Promise<VideoWriter> {
    const format = new av.FormatContext();
    let encoder: av.CodecContext | undefined;
    try {
      written(format.allocOutputContext2(null, 'mp4', `file:${path}`), path);
      encoder = await openEncoder(options);
      written(await format.openOutput(), path);
      const stream = format.newStream(null);
      written(stream.codecpar.fromContext(encoder), path);
      stream.timeBase = new av.Rational(TIME_BASE.num, TIME_BASE.den);
      stream.avgFrameRate = new av.Rational(options.fps.num, options.fps.den);
      if (options.aspect?.num) stream.sampleAspectRatio = new av.Rational(options.aspect.num, options.aspect.den);
      const flags = av.Dictionary.fromObject({ movflags: 'hybrid_fragmented+frag_custom' });
      written(await format.writeHeader(flags), path);
      return new VideoWriter(format, encoder, stream, options.fps);
    } catch (thrown) {
      encoder?.freeContext();
      await format.closeOutput();
      throw thrown;
    }
  }

  /**
   * @param frame YUV 4:2:0 of the video's size; its timestamp is set
   * @param time in seconds, rising
   * @throws DepthcastError DISK_FULL, CODEC_FAILED
   */
  write(frame: av.Frame, time: number): Promise<void> {
    return this.#guard.run(async () => {
      const pts = BigInt(Math.round(time * CLOCK));
      this.#lastPts = pts > this.#lastPts ? pts : this.#lastPts + 1n;
      frame.pts = this.#lastPts;
      frame.pictType = av.AV_PICTURE_TYPE_NONE;
      written(await this.#encoder.sendFrame(frame), 'encoding');
      await this.#drain();
      if (performance.now() - this.#flushedAt > FLUSH_MS) await this.#flush();
    });
  }

  /** Takes over the first frames of another file of this writer, as they are. Before the first write. */
  copy(path: string, frames: number): Promise<void> {
    return this.#guard.run(async () => {
      const source = new av.FormatContext();
      try {
        written(await source.openInput(`file:${path}`), path);
        const from = source.streams[0]!.timeBase;
        for (let n = 0; n < frames; n++) {
          written(await source.readFrame(this.#packet), path);
          this.#packet.rescaleTs(from, TIME_BASE);
          const { pts, isKeyframe } = this.#packet;
          const data = annexB(this.#packet.data ?? Buffer.alloc(0));
          this.#packet.unref();
          this.#packet.data = data;
          this.#packet.pts = pts;
          this.#packet.dts = pts;
          this.#packet.isKeyframe = isKeyframe;
          this.#lastPts = pts;
          await this.#put();
        }
      } finally {
        await source.closeInput();
      }
      // The other file may be removed after this.
      if (frames > 0) await this.#flush();
    });
  }

  /** Ends the file. After a failure of `write` it tries to keep what is there. @throws DepthcastError DISK_FULL */
  async finish(): Promise<void> {
    try {
      await this.#guard.run(async () => {
        await this.#encoder.sendFrame(null);
        await this.#drain();
        // FFmpeg's hybrid muxer crashes on a file without frames; what then stands there is its beginning.
        if (this.#lastPts < 0n) return;
        written(await this.#format.writeTrailer(), 'the end of the video');
      });
    } finally {
      this.#guard.close();
    }
  }

  async #drain(): Promise<void> {
    // Encoded already: this only moves a pointer, and may be synchronous.
    while (this.#encoder.receivePacketSync(this.#packet) >= 0) await this.#put();
  }

  async #put(): Promise<void> {
    this.#packet.streamIndex = 0;
    this.#packet.duration = this.#duration;
    this.#packet.rescaleTs(TIME_BASE, this.#stream.timeBase);
    written(await this.#format.writeFrame(this.#packet), 'writing the video');
    this.#packet.unref();
    this.#unflushed++;
  }

  async #flush(): Promise<void> {
    // To flush nothing crashes FFmpeg's muxer.
    if (this.#unflushed === 0) return;
    this.#unflushed = 0;
    this.#flushedAt = performance.now();
    written(await this.#format.writeFrame(null), 'writing the video');
    await this.#format.flush();
  }
}

/** From NAL units behind their lengths, as MP4 keeps them, to start codes, as the muxer wants them (ISO/IEC 14496-15, 5.3.3). */
function annexB(sample: Buffer): Buffer {
  const stream = Buffer.from(sample);
  for (let at = 0; at + 4 <= stream.length; ) {
    const length = stream.readUInt32BE(at);
    stream.writeUInt32BE(1, at);
    at += 4 + length;
  }
  return stream;
}

/** Frames in a file of this writer, and undefined where it cannot be read. */
export async function countFrames(path: string): Promise<number | undefined> {
  const format = new av.FormatContext();
  const packet = new av.Packet();
  packet.alloc();
  try {
    if ((await format.openInput(`file:${path}`)) < 0) return undefined;
    let count = 0;
    while ((await format.readFrame(packet)) >= 0) {
      count++;
      packet.unref();
    }
    return count;
  } finally {
    packet.free();
    await format.closeInput();
  }
}

/**
 * Quality as the official scripts have it (x264's crf 18), but for speed: at 960x540 "ultrafast" takes 3 ms of CPU a
 * frame, "medium" 24, and the file is twice as large.
 */
async function openEncoder({ width, height, fps, matrix, aspect }: VideoWriterOptions): Promise<av.CodecContext> {
  const implementation = av.Codec.findEncoderByName('libx264' as av.FFVideoEncoder);
  if (!implementation) throw new DepthcastError('CODEC_FAILED', { detail: 'FFmpeg has no H.264 encoder' });
  const context = new av.CodecContext();
  context.allocContext3(implementation);
  try {
    context.width = width;
    context.height = height;
    context.pixelFormat = av.AV_PIX_FMT_YUV420P;
    context.colorRange = av.AVCOL_RANGE_MPEG;
    context.colorSpace = colourSpaceOf(matrix);
    context.timeBase = new av.Rational(TIME_BASE.num, TIME_BASE.den);
    context.framerate = new av.Rational(fps.num, fps.den);
    if (aspect?.num) context.sampleAspectRatio = new av.Rational(aspect.num, aspect.den);
    context.gopSize = Math.max(1, Math.round((KEYFRAME_SECONDS * fps.num) / fps.den));
    context.maxBFrames = 0;
    context.threadCount = Math.max(1, Math.min(8, availableParallelism() >> 1));
    context.setFlags(av.AV_CODEC_FLAG_GLOBAL_HEADER);
    setOptions(context, { preset: 'ultrafast', crf: '18' });
    written(await context.open2(implementation, null), 'opening the H.264 encoder');
    return context;
  } catch (thrown) {
    context.freeContext();
    throw thrown;
  }
}

/** Negative FFmpeg codes about a file that is written. */
export function written(code: number, what: string): void {
  if (code >= 0) return;
  if (code === av.AVERROR_ENOSPC) throw new DepthcastError('DISK_FULL', { detail: what });
  throw new DepthcastError('CODEC_FAILED', { detail: `${what}: ${av.FFmpegError.strerror(code)}` });
}
