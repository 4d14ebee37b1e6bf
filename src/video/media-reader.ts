import { availableParallelism, constants } from 'node:os';
import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { isRgb, Turner, turnOf } from './display-matrix.ts';
import { Guard } from './native.ts';
import { PacketTap } from './packet-tap.ts';
import { Picture } from './picture.ts';

/** Threads of a decoder; more only hold more pictures in memory. */
const MOST_THREADS = 4;
/** Packets in a row that the decoder may refuse before the rest is given up. */
const MOST_FAILURES = 250;
/** Missing at the end, in seconds, from which on a file whose header promises more counts as cut short: pictures often end
 * a little before the sound. */
const END_SLACK = 0.15;
const END_SLACK_WITH_SOUND = 1;

/** What is known of a video before it is decoded. */
export interface MediaInfo {
  /** As it is shown: after rotation. */
  width: number;
  height: number;
  /** Frames a second, as a fraction; an average where the rate varies. */
  fps: { num: number; den: number };
  /** Frames that the file is expected to hold; undefined where that cannot be known. */
  frames: number | undefined;
  /** FFmpeg's names. */
  codec: string;
  container: string;
  /** Width of a pixel divided by its height, as a fraction; 0/1 where nothing is said. */
  aspect: { num: number; den: number };
}

/** A picture and the moment at which it is shown, in seconds from the first one. */
export interface TimedPicture {
  picture: Picture;
  time: number;
  /** The same moment in the time base of `MediaReader.packets`. */
  stamp?: bigint;
}

export interface MediaOptions {
  /** Seconds that a network source may take to open, and for each picture, before it counts as stalled. */
  timeoutSeconds?: number;
  /** Ends a wait for the network. */
  signal?: AbortSignal;
  /** Largest picture that is decoded, in pixels a side. */
  maxSide?: number;
  /** Keep packets for a copy, where that is possible. */
  keepPackets?: boolean;
}

/**
 * Reads the pictures of anything that FFmpeg opens, in the order in which they are shown, turned upright as the container
 * or the frame asks. Decodes in the libuv pool. One call at a time.
 */
export class MediaReader {
  readonly info: MediaInfo;
  /** What went wrong without ending the video, for people: a damaged frame, an end that came too soon. */
  readonly problems = new Set<string>();
  /** What was read and not taken yet, with `keepPackets`. Take it as pictures are read, or close it. */
  readonly packets: PacketTap | undefined;
  readonly #format: av.FormatContext;
  readonly #stream: av.Stream;
  readonly #decoder: av.CodecContext;
  readonly #packet = new av.Packet();
  readonly #guard: Guard;
  readonly #watchdog: Watchdog;
  readonly #maxSide: number;
  readonly #containerTurn: string | undefined;
  #turner: Turner | undefined;
  #ended = false;
  #failures = 0;
  #decoded = 0;
  #firstTime: number | undefined;
  #time = 0;

  private constructor(
    format: av.FormatContext,
    stream: av.Stream,
    decoder: av.CodecContext,
    watchdog: Watchdog,
    { maxSide = 16384, keepPackets = false }: MediaOptions,
  ) {
    this.#watchdog = watchdog;
    this.#format = format;
    this.#stream = stream;
    this.#decoder = decoder;
    this.#maxSide = maxSide;
    this.#packet.alloc();
    this.#containerTurn = turnOf(stream.codecpar.getCodedSideData(av.AV_PKT_DATA_DISPLAYMATRIX));
    this.info = describe(format, stream, this.#containerTurn);
    this.packets = keepPackets ? PacketTap.of(stream, this.info) : undefined;
    this.#guard = new Guard(() => {
      this.packets?.close();
      this.#turner?.close();
      this.#decoder.freeContext();
      this.#packet.free();
      this.#format.closeInputSync();
    });
  }

  /**
   * @param address a path (give local ones as `file:PATH`), a URL, or `pipe:0`
   * @throws DepthcastError BAD_VIDEO when nothing is there, it cannot be read, or holds no pictures
   */
  static async open(address: string, options: MediaOptions = {}): Promise<MediaReader> {
    const format = new av.FormatContext();
    const { timeoutSeconds = 10, signal } = options;
    const remote = !/^(file|pipe):/.test(address);
    const watchdog = new Watchdog(remote ? timeoutSeconds : Number.POSITIVE_INFINITY, () => format.interrupt());
    const onAbort = () => format.interrupt();
    signal?.addEventListener('abort', onAbort, { once: true });
    let decoder: av.CodecContext | undefined;
    try {
      watchdog.start();
      const dictionary = av.Dictionary.fromObject(remote ? protocolOptions(address, timeoutSeconds) : {});
      readable(await format.openInput(address, null, dictionary), 'opening');
      readable(await format.findStreamInfo(null), 'reading its streams');
      const index = format.findBestStream(av.AVMEDIA_TYPE_VIDEO);
      if (index < 0) throw new DepthcastError('BAD_VIDEO', { detail: 'it holds no pictures' });
      const stream = format.streams[index]!;
      for (const other of format.streams) if (other.index !== index) other.discard = av.AVDISCARD_ALL;
      const codec = av.Codec.findDecoder(stream.codecpar.codecId);
      if (!codec) throw new DepthcastError('BAD_VIDEO', { detail: 'FFmpeg has no decoder for its codec' });
      decoder = new av.CodecContext();
      decoder.allocContext3(codec);
      readable(decoder.parametersToContext(stream.codecpar), 'reading its parameters');
      decoder.pktTimebase = stream.timeBase;
      decoder.threadCount = Math.min(MOST_THREADS, availableParallelism());
      readable(await decoder.open2(codec, null), 'opening its decoder');
      return new MediaReader(format, stream, decoder, watchdog, options);
    } catch (thrown) {
      decoder?.freeContext();
      await format.closeInput();
      if (!watchdog.barked) throw thrown;
      throw new DepthcastError('BAD_VIDEO', { detail: `nothing came for ${timeoutSeconds} s`, cause: thrown });
    } finally {
      watchdog.stop();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** The next picture, or undefined at the end. @throws DepthcastError PICTURE_TOO_LARGE; BAD_VIDEO where no filter fits */
  read(): Promise<TimedPicture | undefined> {
    return this.#guard.run(async () => {
      this.#watchdog.start();
      try {
        return await this.#read();
      } finally {
        this.#watchdog.stop();
      }
    });
  }

  /** Makes a read that waits for the network return, as if the video ended. From any moment on. */
  interrupt(): void {
    this.#format.interrupt();
  }

  /** Idempotent; waits for a running read. */
  close(): void {
    this.#guard.close();
  }

  async #read(): Promise<TimedPicture | undefined> {
    for (;;) {
      const frame = await this.#receive();
      if (frame) return this.#timed(await this.#upright(frame));
      if (this.#ended) return undefined;
      await this.#feed();
    }
  }

  /** A decoded frame, or undefined when the decoder wants more. */
  async #receive(): Promise<av.Frame | undefined> {
    const frame = new av.Frame();
    frame.alloc();
    const code = await this.#decoder.receiveFrame(frame);
    if (code >= 0) {
      this.#failures = 0;
      this.#decoded++;
      if (frame.decodeErrorFlags !== 0 || frame.hasFlags(av.AV_FRAME_FLAG_CORRUPT))
        this.problems.add('some frames are damaged');
      return frame;
    }
    frame.free();
    if (code === av.AVERROR_EOF) {
      if (!this.#ended) this.#finish();
    } else if (code !== av.AVERROR_EAGAIN) this.#failed();
    return undefined;
  }

  /** Gives the decoder its next packet, or its end. */
  async #feed(): Promise<void> {
    const packet = this.#packet;
    const code = await this.#format.readFrame(packet);
    if (code === av.AVERROR_EAGAIN) return;
    if (code < 0) {
      if (this.#watchdog.barked || code === -constants.errno.ETIMEDOUT) this.problems.add('the source stalled');
      else if (code !== av.AVERROR_EOF && code !== av.AVERROR_EXIT)
        this.problems.add(`reading stopped: ${av.FFmpegError.strerror(code)}`);
      await this.#decoder.sendPacket(null);
      return;
    }
    if (packet.streamIndex === this.#stream.index && packet.size > 0) {
      if (packet.hasFlags(av.AV_PKT_FLAG_CORRUPT)) this.problems.add('some frames are damaged');
      if ((await this.#decoder.sendPacket(packet)) < 0) this.#failed();
      else this.packets?.keep(packet);
    }
    packet.unref();
  }

  #failed(): void {
    this.problems.add('some frames could not be decoded');
    if (++this.#failures >= MOST_FAILURES) this.#finish();
  }

  #finish(): void {
    this.#ended = true;
    const { nbFrames, duration, timeBase } = this.#stream;
    const promised = Number(nbFrames);
    const seconds = duration > 0n ? Number(duration) * ratio(timeBase) : Number(this.#format.duration) / 1e6;
    const last = this.#time + 1 / Math.max(1, ratio(this.info.fps));
    const slack = this.#format.nbStreams > 1 ? END_SLACK_WITH_SOUND : END_SLACK;
    if (this.#decoded === 0) return;
    if (promised > 0 ? this.#decoded < promised - 1 : seconds > 0 && last < seconds - slack)
      this.problems.add(
        promised > 0 ? `it ends after ${this.#decoded} of ${promised} frames` : `it ends after ${last.toFixed(1)} s`,
      );
  }

  async #upright(frame: av.Frame): Promise<av.Frame> {
    if (frame.width > this.#maxSide || frame.height > this.#maxSide) {
      const detail = `${frame.width}x${frame.height}; at most ${this.#maxSide} a side`;
      frame.free();
      throw new DepthcastError('PICTURE_TOO_LARGE', { detail });
    }
    const turn = this.#containerTurn ?? turnOf(frame.getSideData(av.AV_FRAME_DATA_DISPLAYMATRIX));
    if (turn === undefined) return frame;
    if (this.#turner?.fits(frame, turn) !== true) {
      this.#turner?.close();
      this.#turner = await Turner.create(frame, turn);
    }
    return this.#turner.turn(frame);
  }

  #timed(frame: av.Frame): TimedPicture {
    if (isRgb(frame.format as av.AVPixelFormat)) {
      frame.colorSpace = av.AVCOL_SPC_RGB;
      frame.colorRange = av.AVCOL_RANGE_JPEG;
    }
    const stamp = frame.bestEffortTimestamp;
    const step = 1 / Math.max(1e-3, ratio(this.info.fps));
    if (stamp !== av.AV_NOPTS_VALUE) {
      const seconds = Number(stamp) * ratio(this.#stream.timeBase);
      this.#firstTime ??= seconds;
      const time = seconds - this.#firstTime;
      // Stamps that do not rise are a broken muxer's; pictures still come one after the other.
      this.#time = this.#decoded === 1 || time > this.#time ? time : this.#time + step;
    } else if (this.#firstTime === undefined) this.#firstTime = 0;
    else this.#time += step;
    const rtpTimestamp = Math.round(this.#time * 90_000) >>> 0;
    const picture = new Picture(frame, { rtpTimestamp });
    return { picture, time: this.#time, ...(stamp !== av.AV_NOPTS_VALUE && { stamp }) };
  }
}

/** Calls when something takes too long. */
class Watchdog {
  barked = false;
  readonly #seconds: number;
  readonly #bark: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(seconds: number, bark: () => void) {
    this.#seconds = seconds;
    this.#bark = bark;
  }

  start(): void {
    if (!Number.isFinite(this.#seconds)) return;
    this.#timer = setTimeout(() => {
      this.barked = true;
      this.#bark();
    }, this.#seconds * 1000);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

export const ratio = ({ num, den }: { num: number; den: number }): number => (den === 0 ? 0 : num / den);

function describe(format: av.FormatContext, stream: av.Stream, turn: string | undefined): MediaInfo {
  const { width, height, codecId } = stream.codecpar;
  const sideways = turn?.includes('transpose') ?? false;
  const average = stream.avgFrameRate;
  const rate = ratio(average) > 0 ? average : ratio(stream.rFrameRate) > 0 ? stream.rFrameRate : { num: 25, den: 1 };
  const seconds = format.duration > 0n ? Number(format.duration) / 1e6 : 0;
  const estimate = seconds > 0 ? Math.round(seconds * ratio(rate)) : undefined;
  const aspect = stream.sampleAspectRatio;
  return {
    width: sideways ? height : width,
    height: sideways ? width : height,
    fps: { num: rate.num, den: rate.den },
    frames: stream.nbFrames > 0n ? Number(stream.nbFrames) : estimate,
    codec: av.avGetCodecName(codecId) ?? 'unknown',
    container: format.iformat?.name ?? 'unknown',
    aspect: sideways ? { num: aspect.den, den: aspect.num } : { num: aspect.num, den: aspect.den },
  };
}

/** Microseconds, as FFmpeg's protocols take them. RTSP over TCP: a lost UDP packet would damage a whole group. */
function protocolOptions(address: string, timeoutSeconds: number): Record<string, string> {
  const microseconds = String(Math.round(timeoutSeconds * 1e6));
  if (/^rtsps?:/i.test(address)) return { rtsp_transport: 'tcp', timeout: microseconds };
  return { rw_timeout: microseconds };
}

function readable(code: number, what: string): void {
  if (code < 0) throw new DepthcastError('BAD_VIDEO', { detail: `${what}: ${av.FFmpegError.strerror(code)}` });
}
