import * as av from 'node-av';
import { usableCores } from '../cgroup.ts';
import { openEncoder } from './encoder.ts';
import { colourSpaceOf } from './frame-converter.ts';
import { Mp4File, type Rational, written } from './mp4-file.ts';
import { Guard } from './native.ts';
import type { YuvMatrix } from './yuv.ts';

/** Ticks a second of written timestamps: whole ones for every usual frame rate, 24000/1001 and 60000/1001 among them. */
const CLOCK = 360_000;
const TIME_BASE = { num: 1, den: CLOCK };
/** Seconds between keyframes: how finely a player can seek. */
const KEYFRAME_SECONDS = 2;

export interface VideoWriterOptions {
  /** Pixels, even. */
  width: number;
  height: number;
  /** Frames a second that are expected. */
  fps: Rational;
  matrix: YuvMatrix;
  /** Of a pixel, width by height; 0/1 where nothing is said. */
  aspect?: Rational;
}

/** Writes H.264 in MP4, frame by frame. No B-frames, so the file can be cut behind any frame and gone on with. */
export class VideoWriter {
  readonly #file: Mp4File;
  readonly #encoder: av.CodecContext;
  readonly #packet = new av.Packet();
  readonly #guard: Guard;
  readonly #duration: bigint;
  #lastPts = -1n;

  private constructor(file: Mp4File, encoder: av.CodecContext, fps: Rational) {
    this.#file = file;
    this.#encoder = encoder;
    this.#duration = BigInt(Math.max(1, Math.round((CLOCK * fps.den) / fps.num)));
    this.#packet.alloc();
    this.#guard = new Guard(() => {
      this.#encoder.freeContext();
      this.#packet.free();
      this.#file.close();
    });
  }

  /** @throws DepthcastError DISK_FULL, CODEC_FAILED when the file cannot be made or the encoder not be opened */
  static async create(path: string, options: VideoWriterOptions): Promise<VideoWriter> {
    const { fps, aspect } = options;
    const encoder = await openH264(options);
    const parameters = new av.CodecParameters();
    parameters.alloc();
    try {
      written(parameters.fromContext(encoder), path);
      const file = await Mp4File.create(path, { parameters, timeBase: TIME_BASE, fps, aspect });
      return new VideoWriter(file, encoder, fps);
    } catch (thrown) {
      encoder.freeContext();
      throw thrown;
    } finally {
      parameters.free();
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
      await this.#file.flush();
    });
  }

  /** Ends the file. After a failure of `write` it tries to keep what is there. @throws DepthcastError DISK_FULL */
  async finish(): Promise<void> {
    try {
      await this.#guard.run(async () => {
        await this.#encoder.sendFrame(null);
        await this.#drain();
        await this.#file.finish();
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
    this.#packet.duration = this.#duration;
    await this.#file.put(this.#packet);
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
function openH264({ width, height, fps, matrix, aspect }: VideoWriterOptions): Promise<av.CodecContext> {
  const configure = (context: av.CodecContext) => {
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
    context.threadCount = Math.max(1, Math.min(8, usableCores() >> 1));
    context.setFlags(av.AV_CODEC_FLAG_GLOBAL_HEADER);
  };
  return openEncoder('libx264', 'H.264', configure, { preset: 'ultrafast', crf: '18' });
}
