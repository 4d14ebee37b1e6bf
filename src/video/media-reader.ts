import { availableParallelism, constants } from 'node:os';
import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { isShownWhole } from './edit-list.ts';
import { Ending } from './ending.ts';
import type { TileGrid } from './heif.ts';
import { BoxReader } from './iso-boxes.ts';
import { expectedFrames, type Fraction, type MediaInfo, rateOf, ratio, type TimedPicture } from './media-info.ts';
import { Guard } from './native.ts';
import { PacketClock } from './packet-clock.ts';
import { PacketTap } from './packet-tap.ts';
import { Picture } from './picture.ts';
import { isRgb } from './picture-filter.ts';
import { PictureShaper } from './picture-shaper.ts';
import { chooseStream, type StreamChoice } from './stream-choice.ts';
import { readTiles } from './tiles.ts';
import { Watchdog } from './watchdog.ts';

/** Threads of a decoder; more only hold more pictures in memory. */
const MOST_THREADS = 4;
/** Packets in a row that the decoder may refuse before the rest is given up. */
const MOST_FAILURES = 250;
const MAX_SIDE = 16384;
/** Missing at the beginning, in seconds, that is told of. */
const LATE = 0.1;
/** Bytes that a frame takes at least: a transport stream's packet, or a header. */
const TS_PACKET = 188;
const LEAST_BYTES = 4;
const DAMAGED = 'some frames are damaged';
/** Packets between a join of two recordings and what the container calls damaged because of it. */
const AT_A_JOIN = 8;
const JUMPS = 'its clock jumps';
/** Containers that state how long every sample is shown. */
const STATES_DURATIONS = /^mov,mp4/;

type OpenBoxes = () => Promise<BoxReader | undefined>;

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
 * Reads the pictures of anything that FFmpeg opens, in the order in which they are shown, in the shape in which they are
 * shown: cropped, deinterlaced and upright as the container or the frame asks. Decodes in the libuv pool. One call at a time.
 */
export class MediaReader {
  /** What went wrong without ending the video, for people: a damaged frame, an end that came too soon. */
  readonly problems = new Set<string>();
  /** What else is worth knowing: what was passed over, or mended. */
  readonly notes = new Set<string>();
  /** What was read and not taken yet, with `keepPackets`. Take it as pictures are read, or close it. */
  packets: PacketTap | undefined;
  readonly #format: av.FormatContext;
  readonly #choice: StreamChoice;
  readonly #stream: av.Stream;
  readonly #decoder: av.CodecContext;
  readonly #packet = new av.Packet();
  readonly #guard: Guard;
  readonly #watchdog: Watchdog;
  readonly #maxSide: number;
  readonly #fps: Fraction;
  readonly #shaper: PictureShaper;
  readonly #ending: Ending;
  readonly #clock: PacketClock;
  /** Frames that are expected. */
  #expected: number | undefined;
  #info: MediaInfo | undefined;
  #aspect: Fraction | undefined;
  #first: TimedPicture | undefined;
  #drained = false;
  #ended = false;
  #failures = 0;
  #decoded = 0;
  /** Packets of the stream so far; the first that the container calls damaged, and the last before which the clock broke off. */
  #packets = 0;
  #suspected: number | undefined;
  #joined: number | undefined;
  /** The earliest stamp of a packet that is to be shown. */
  #lead: bigint | undefined;
  #firstTime: number | undefined;
  #time = 0;

  private constructor(
    format: av.FormatContext,
    choice: StreamChoice,
    decoder: av.CodecContext,
    watchdog: Watchdog,
    maxSide: number,
  ) {
    this.#watchdog = watchdog;
    this.#format = format;
    this.#choice = choice;
    this.#stream = choice.stream;
    this.#decoder = decoder;
    this.#maxSide = maxSide;
    this.#packet.alloc();
    if (choice.note) this.notes.add(choice.note);
    const { timeBase, codecpar } = choice.stream;
    this.#fps = rateOf(choice.stream);
    this.#shaper = new PictureShaper(choice.stream, { steps: choice.grid?.steps, maxSide });
    this.#ending = new Ending(format, choice.stream, this.#fps);
    const stated = STATES_DURATIONS.test(format.iformat?.name ?? '');
    this.#clock = new PacketClock({ timeBase, fps: this.#fps, delay: codecpar.videoDelay, stated });
    const needed = new Set([choice.stream.id, ...(choice.grid?.tiles ?? [])]);
    for (const other of format.streams)
      if (choice.grid ? !needed.has(other.id) : other.index !== choice.stream.index && !this.#ending.watchesAll)
        other.discard = av.AVDISCARD_ALL;
    this.#guard = new Guard(() => {
      this.packets?.close();
      this.#shaper.close();
      this.#decoder.freeContext();
      this.#packet.free();
      this.#format.closeInputSync();
    });
  }

  /**
   * Opens it and decodes its first picture.
   * @param address a path (give local ones as `file:PATH`), a URL, or `pipe:0`
   * @throws DepthcastError BAD_VIDEO when nothing is there, it cannot be read, or holds no pictures; PICTURE_TOO_LARGE
   */
  static async open(address: string, options: MediaOptions = {}): Promise<MediaReader> {
    const format = new av.FormatContext();
    const { timeoutSeconds = 10, signal, maxSide = MAX_SIDE, keepPackets = false } = options;
    const remote = !/^(file|pipe):/.test(address);
    const watchdog = new Watchdog(remote ? timeoutSeconds : Number.POSITIVE_INFINITY, () => format.interrupt());
    const onAbort = () => format.interrupt();
    signal?.addEventListener('abort', onAbort, { once: true });
    let decoder: av.CodecContext | undefined;
    let reader: MediaReader | undefined;
    try {
      const boxes = () => BoxReader.open(address, timeoutSeconds);
      const choice = await watchdog.during(() =>
        openFormat(format, address, remote ? timeoutSeconds : undefined, boxes),
      );
      decoder = await openDecoder(choice.stream);
      reader = new MediaReader(format, choice, decoder, watchdog, maxSide);
      if (keepPackets) reader.packets = await reader.#tap(boxes);
      await reader.#begin();
      return reader;
    } catch (thrown) {
      if (reader) reader.close();
      else {
        decoder?.freeContext();
        await format.closeInput();
      }
      if (!watchdog.barked) throw thrown;
      throw new DepthcastError('BAD_VIDEO', { detail: `nothing came for ${timeoutSeconds} s`, cause: thrown });
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  get info(): MediaInfo {
    return { ...this.#info!, frames: this.#expected };
  }

  /** The next picture, or undefined at the end. @throws DepthcastError PICTURE_TOO_LARGE; BAD_VIDEO where no filter fits */
  read(): Promise<TimedPicture | undefined> {
    return this.#guard.run(async () => {
      const first = this.#first;
      this.#first = undefined;
      return first ?? (await this.#watchdog.during(() => this.#read()));
    });
  }

  /** Makes a read that waits for the network return, as if the video ended. From any moment on. */
  interrupt(): void {
    this.#format.interrupt();
  }

  /** Idempotent; waits for a running read. */
  close(): void {
    this.#first?.picture.close();
    this.#first = undefined;
    this.#guard.close();
  }

  /** Reads the first picture: what it is like is known only then. */
  async #begin(): Promise<void> {
    const { codecpar, timeBase } = this.#stream;
    const frames = this.#choice.grid ? 1 : expectedFrames(this.#format, this.#stream, this.#fps);
    this.#expected = frames !== undefined && isPlausible(this.#format, frames) ? frames : undefined;
    this.#first = await this.#guard.run(() => this.#watchdog.during(() => this.#read()));
    const { width, height } = this.#first?.picture ?? codecpar;
    this.#info = {
      width,
      height,
      fps: this.#fps,
      frames: this.#expected,
      codec: av.avGetCodecName(codecpar.codecId) ?? 'unknown',
      container: this.#format.iformat?.name ?? 'unknown',
      aspect: this.#aspect ?? { num: 0, den: 1 },
    };
    const late = this.#lead === undefined ? 0 : (this.#firstTime ?? 0) - Number(this.#lead) * ratio(timeBase);
    if (this.#first && late > LATE) this.notes.add(`its first ${late.toFixed(1)} s cannot be decoded: no keyframe`);
  }

  async #tap(openBoxes: OpenBoxes): Promise<PacketTap | undefined> {
    const tap = PacketTap.of(this.#stream, this.#format.iformat?.name ?? '', this.#fps);
    if (tap === undefined || this.#choice.grid) return undefined;
    if (!STATES_DURATIONS.test(this.#format.iformat?.name ?? '')) return tap;
    const boxes = await openBoxes();
    const whole = boxes && (await isShownWhole(boxes, this.#stream.id, 1 / ratio(this.#fps)));
    await boxes?.close();
    return whole ? tap : undefined;
  }

  async #read(): Promise<TimedPicture | undefined> {
    for (;;) {
      const frame = this.#shaper.take();
      if (frame) return this.#timed(frame);
      if (this.#drained) return undefined;
      const decoded = this.#choice.grid ? await this.#tiles(this.#choice.grid) : await this.#receive();
      if (decoded) {
        this.#aspect ??= this.#shaper.aspectOf(decoded);
        await this.#shaper.put(decoded);
      } else if (this.#ended) {
        this.#drained = true;
        await this.#shaper.end();
      } else await this.#feed();
    }
  }

  /** The one picture of a file of tiles. */
  async #tiles(grid: TileGrid): Promise<av.Frame | undefined> {
    if (this.#ended) return undefined;
    this.#ended = true;
    return readTiles(this.#format, grid, this.#maxSide);
  }

  /** A decoded frame, or undefined when the decoder wants more. */
  async #receive(): Promise<av.Frame | undefined> {
    const frame = new av.Frame();
    frame.alloc();
    const code = await this.#decoder.receiveFrame(frame);
    if (code >= 0) {
      this.#failures = 0;
      this.#decoded++;
      if (frame.decodeErrorFlags !== 0 || frame.hasFlags(av.AV_FRAME_FLAG_CORRUPT)) this.problems.add(DAMAGED);
      return frame;
    }
    frame.free();
    if (code === av.AVERROR_EOF) this.#finish();
    else if (code !== av.AVERROR_EAGAIN) this.#failed();
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
    this.#ending.saw(packet);
    if (packet.streamIndex === this.#stream.index && packet.size > 0) await this.#decode(packet);
    packet.unref();
  }

  async #decode(packet: av.Packet): Promise<void> {
    if (this.#clock.apply(packet)) this.#broke();
    if (!packet.hasFlags(av.AV_PKT_FLAG_DISCARD) && packet.pts !== av.AV_NOPTS_VALUE)
      this.#lead = this.#lead === undefined || packet.pts < this.#lead ? packet.pts : this.#lead;
    this.#suspect(packet);
    if ((await this.#decoder.sendPacket(packet)) < 0) this.#failed();
    else this.packets?.keep(packet);
  }

  /** Where recordings were joined, a transport stream's counters miss packets that there never were. */
  #suspect(packet: av.Packet): void {
    const count = this.#packets++;
    if (packet.hasFlags(av.AV_PKT_FLAG_CORRUPT)) {
      packet.clearFlags(av.AV_PKT_FLAG_CORRUPT);
      if (this.#joined === undefined || count - this.#joined > AT_A_JOIN) this.#suspected ??= count;
    }
    if (this.#suspected !== undefined && count - this.#suspected > AT_A_JOIN) this.problems.add(DAMAGED);
  }

  /** Recordings that were joined: told, and no damage. */
  #broke(): void {
    const { breaks, first } = this.#clock;
    const { at, by } = first!;
    for (const note of this.notes) if (note.startsWith(JUMPS)) this.notes.delete(note);
    const often = breaks === 1 ? '' : `, the first of ${breaks} jumps`;
    this.notes.add(`${JUMPS} by ${duration(by)} after ${at.toFixed(1)} s${often}; pictures go on one frame later`);
    this.#suspected = undefined;
    this.#joined = this.#packets;
    // Reckoned from a time that was not the pictures'.
    if (Number(this.#stream.nbFrames) === 0) this.#expected = undefined;
  }

  #failed(): void {
    this.problems.add('some frames could not be decoded');
    if (++this.#failures >= MOST_FAILURES) this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#suspected !== undefined) this.problems.add(DAMAGED);
    const problem = this.#decoded > 0 ? this.#ending.problem() : undefined;
    if (problem) this.problems.add(problem);
  }

  #timed(frame: av.Frame): TimedPicture {
    if (isRgb(frame.format as av.AVPixelFormat)) {
      frame.colorSpace = av.AVCOL_SPC_RGB;
      frame.colorRange = av.AVCOL_RANGE_JPEG;
    }
    const stamp = frame.bestEffortTimestamp;
    const step = 1 / Math.max(1e-3, ratio(this.#fps));
    if (stamp !== av.AV_NOPTS_VALUE) {
      const seconds = Number(stamp) * ratio(this.#stream.timeBase);
      const isFirst = this.#firstTime === undefined;
      this.#firstTime ??= seconds;
      const time = seconds - this.#firstTime;
      // Stamps that do not rise are a broken muxer's; pictures still come one after the other.
      this.#time = isFirst || time > this.#time ? time : this.#time + step;
    } else if (this.#firstTime === undefined) this.#firstTime = 0;
    else this.#time += step;
    const rtpTimestamp = Math.round(this.#time * 90_000) >>> 0;
    const picture = new Picture(frame, { rtpTimestamp });
    return { picture, time: this.#time, ...(stamp !== av.AV_NOPTS_VALUE && { stamp }) };
  }
}

async function openFormat(
  format: av.FormatContext,
  address: string,
  timeout: number | undefined,
  boxes: OpenBoxes,
): Promise<StreamChoice> {
  // A name is a name: image2 would take the %d in it for a number.
  const options = timeout === undefined ? { pattern_type: 'none' } : protocolOptions(address, timeout);
  readable(await format.openInput(address, null, av.Dictionary.fromObject(options)), 'opening');
  readable(await format.findStreamInfo(null), 'reading its streams');
  return chooseStream(format, boxes);
}

async function openDecoder({ codecpar, timeBase }: av.Stream): Promise<av.CodecContext> {
  const codec = av.Codec.findDecoder(codecpar.codecId);
  if (!codec) throw new DepthcastError('BAD_VIDEO', { detail: 'FFmpeg has no decoder for its codec' });
  const decoder = new av.CodecContext();
  try {
    decoder.allocContext3(codec);
    readable(decoder.parametersToContext(codecpar), 'reading its parameters');
    decoder.pktTimebase = timeBase;
    decoder.threadCount = Math.min(MOST_THREADS, availableParallelism());
    // The codec's own cropping to the pixel, and not to where rows of memory begin.
    decoder.setFlags(av.AV_CODEC_FLAG_UNALIGNED);
    readable(await decoder.open2(codec, null), 'opening its decoder');
    return decoder;
  } catch (thrown) {
    decoder.freeContext();
    throw thrown;
  }
}

/** Whether a file is large enough for so many frames. */
function isPlausible(format: av.FormatContext, frames: number): boolean {
  const bytes = Number(format.pbBytes);
  const least = format.iformat?.name === 'mpegts' ? TS_PACKET : LEAST_BYTES;
  return bytes <= 0 || frames <= Math.max(1, bytes / least);
}

function duration(seconds: number): string {
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? '-' : '';
  return size < 120
    ? `${sign}${size.toFixed(1)} s`
    : size < 7200
      ? `${sign}${Math.round(size / 60)} min`
      : `${sign}${Math.round(size / 3600)} h`;
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
