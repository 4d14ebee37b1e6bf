import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';

/** Parameter sets in the header alone (ISO/IEC 14496-15, 8.4.1.1). */
const HVC1 = Buffer.from('hvc1').readUInt32LE();
const FLUSH_MS = 3000;

export interface Rational {
  num: number;
  den: number;
}

export interface Mp4Stream {
  parameters: av.CodecParameters;
  /** Of the timestamps of packets. */
  timeBase: Rational;
  /** Frames a second that are expected. */
  fps: Rational;
  /** Of a pixel, width by height; 0/1 where nothing is said. */
  aspect?: Rational | undefined;
  /** Packets do not stand in the order in which their pictures are shown. */
  reordered?: boolean;
  /** What a killed process loses at most, in ms of its time, and the last packet. 3000 by default. */
  flushMs?: number;
}

/**
 * An MP4 file of one video stream. While it is written, the file is fragmented: after a crash it plays up to the last few
 * seconds; closing makes it an ordinary one. One call at a time.
 */
export class Mp4File {
  readonly #format: av.FormatContext;
  readonly #stream: av.Stream;
  readonly #timeBase: Rational;
  readonly #flushMs: number;
  #flushedAt = performance.now();
  /** Packets since then, and whether there ever was one. */
  #unflushed = 0;
  #empty = true;
  /** The last packet, in the file's time base. Only the next one's time says how long it lasts, and the muxer has to be told: it
   * guesses for the last of each fragment, and all times behind that one would be off. */
  #held: av.Packet | undefined;

  private constructor(format: av.FormatContext, stream: av.Stream, timeBase: Rational, flushMs: number) {
    this.#format = format;
    this.#stream = stream;
    this.#timeBase = timeBase;
    this.#flushMs = flushMs;
  }

  /** @throws DepthcastError DISK_FULL, CODEC_FAILED when the file cannot be made, or MP4 does not hold such a stream */
  static async create(
    path: string,
    { parameters, timeBase, fps, aspect, reordered = false, flushMs = FLUSH_MS }: Mp4Stream,
  ): Promise<Mp4File> {
    const format = new av.FormatContext();
    try {
      written(format.allocOutputContext2(null, 'mp4', `file:${path}`), path);
      written(await format.openOutput(), path);
      const stream = format.newStream(null);
      written(parameters.copy(stream.codecpar), path);
      // The tag is another container's; of HEVC's two, players of Apple's know only the one that FFmpeg does not choose.
      stream.codecpar.codecTag = parameters.codecId === av.AV_CODEC_ID_HEVC ? HVC1 : 0;
      stream.timeBase = new av.Rational(timeBase.num, timeBase.den);
      stream.avgFrameRate = new av.Rational(fps.num, fps.den);
      if (aspect?.num) stream.sampleAspectRatio = new av.Rational(aspect.num, aspect.den);
      // Decoding begins before the first picture is shown; only a header that waits for the packets can say how long.
      const movflags = `hybrid_fragmented+frag_custom${reordered ? '+delay_moov' : ''}`;
      const flags = av.Dictionary.fromObject({ movflags });
      written(await format.writeHeader(flags), path);
      return new Mp4File(format, stream, timeBase, flushMs);
    } catch (thrown) {
      await format.closeOutput();
      throw thrown;
    }
  }

  /** @param packet with its timestamps in the stream's time base; it is emptied. @throws DepthcastError DISK_FULL, CODEC_FAILED */
  async put(packet: av.Packet): Promise<void> {
    packet.streamIndex = 0;
    packet.rescaleTs(this.#timeBase, this.#stream.timeBase);
    const held = this.#held;
    this.#held = packet.clone() ?? undefined;
    packet.unref();
    if (!this.#held) throw new DepthcastError('CODEC_FAILED', { detail: 'writing the video: out of memory' });
    if (held) await this.#write(held, this.#held.dts - held.dts);
    if (performance.now() - this.#flushedAt > this.#flushMs) await this.#flush();
  }

  /** Takes all that was put to the disk. @throws DepthcastError DISK_FULL */
  async flush(): Promise<void> {
    await this.#writeHeld();
    await this.#flush();
  }

  async #flush(): Promise<void> {
    // To flush nothing crashes FFmpeg's muxer.
    if (this.#unflushed === 0) return;
    this.#unflushed = 0;
    this.#flushedAt = performance.now();
    written(await this.#format.writeFrame(null), 'writing the video');
    await this.#format.flush();
  }

  /** As long as it says itself. */
  async #writeHeld(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held) await this.#write(held, 0n);
  }

  async #write(packet: av.Packet, duration: bigint): Promise<void> {
    if (duration > 0n) packet.duration = duration;
    try {
      written(await this.#format.writeFrame(packet), 'writing the video');
    } finally {
      packet.free();
    }
    this.#empty = false;
    this.#unflushed++;
  }

  /** Writes the index. Then close. @throws DepthcastError DISK_FULL */
  async finish(): Promise<void> {
    await this.#writeHeld();
    // FFmpeg's hybrid muxer crashes on a file without frames; what then stands there is its beginning.
    if (!this.#empty) written(await this.#format.writeTrailer(), 'the end of the video');
  }

  /** Not asynchronously: a thread may end right after this. */
  close(): void {
    this.#held?.free();
    this.#held = undefined;
    this.#format.closeOutputSync();
  }
}

/** Negative FFmpeg codes about a file that is written. */
export function written(code: number, what: string): void {
  if (code >= 0) return;
  if (code === av.AVERROR_ENOSPC) throw new DepthcastError('DISK_FULL', { detail: what });
  throw new DepthcastError('CODEC_FAILED', { detail: `${what}: ${av.FFmpegError.strerror(code)}` });
}
