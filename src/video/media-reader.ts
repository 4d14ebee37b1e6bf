import { constants } from 'node:os';
import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { isShownWhole } from './edit-list.ts';
import { Ending } from './ending.ts';
import type { TileGrid } from './heif.ts';
import { BoxReader } from './iso-boxes.ts';
import { expectedFrames, type Fraction, type MediaInfo, rateOf, ratio, type TimedPicture } from './media-info.ts';
import { Guard } from './native.ts';
import {
  FROM_A_PIPE,
  isCheckable,
  isPlausible,
  type LiveInput,
  type OpenBoxes,
  openDecoder,
  openFormat,
} from './open-media.ts';
import { DAMAGED, PacketCheck, secondsBefore } from './packet-check.ts';
import { PacketTap } from './packet-tap.ts';
import { PacketTimes } from './packet-times.ts';
import { Picture } from './picture.ts';
import { PictureClock } from './picture-clock.ts';
import { isRgb } from './picture-filter.ts';
import { PictureShaper } from './picture-shaper.ts';
import type { StreamChoice } from './stream-choice.ts';
import { readTiles } from './tiles.ts';
import { Watchdog } from './watchdog.ts';

/** Packets in a row that the decoder may refuse before the rest is given up. */
const MAX_FAILURES = 250;
const MAX_SIDE = 16384;
const SOME_FAILED = 'some frames could not be decoded';
const ALL_FAILED =
  'none of its frames could be decoded: it may begin behind the parameter sets or the keyframe that they need';
/** Seconds missing at the beginning from which on a problem is reported. */
const LATE = 0.1;
/** Transfer characteristics that are not those of usual video (ITU-T H.273, table 3). */
const HDR = new Map<av.AVColorTransferCharacteristic, string>([
  [av.AVCOL_TRC_SMPTE2084, 'PQ'],
  [av.AVCOL_TRC_ARIB_STD_B67, 'HLG'],
]);
/** Containers with edit lists. */
const EDITED = /^mov,mp4/;

export interface MediaOptions {
  /** Seconds that a network source may take to open, and for each picture, before it counts as stalled. */
  timeoutSeconds?: number;
  /** Ends a wait for the network. */
  signal?: AbortSignal;
  /** Largest picture that is decoded, in pixels a side. */
  maxSide?: number;
  /** Refuse what is damaged, checksums too, rather than show what is left of it. */
  strict?: boolean;
  /** Show what is left of a damaged image at once, without a look at whether it is damaged. */
  tolerant?: boolean;
  /** Keep packets for a copy, where that is possible. */
  keepPackets?: boolean;
  /** A camera or a stream: decoded without delay, and pictures know when they were taken. */
  live?: LiveInput;
}

/**
 * Reads the pictures of anything that FFmpeg opens, in the order in which they are shown, in the shape in which they are
 * shown: cropped, deinterlaced and upright as the container or the frame asks. Decodes in the libuv pool. One call at a time.
 */
export class MediaReader {
  /** What went wrong without ending the video, for people: a damaged frame, an end that came too soon. */
  readonly problems = new Set<string>();
  /** What else is worth knowing: what was skipped or repaired. */
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
  readonly #check: PacketCheck;
  readonly #clock: PictureClock;
  readonly #times: PacketTimes | undefined;
  /** Frames that are expected. */
  #expected: number | undefined;
  #info: MediaInfo | undefined;
  #aspect: Fraction | undefined;
  #first: TimedPicture | undefined;
  #piped = false;
  #drained = false;
  #ended = false;
  #failures = 0;
  #decoded = 0;

  private constructor(
    format: av.FormatContext,
    choice: StreamChoice,
    decoder: av.CodecContext,
    watchdog: Watchdog,
    maxSide: number,
    live: LiveInput | undefined,
  ) {
    this.#times = live && new PacketTimes(live.times);
    this.#watchdog = watchdog;
    this.#format = format;
    this.#choice = choice;
    this.#stream = choice.stream;
    this.#decoder = decoder;
    this.#maxSide = maxSide;
    this.#packet.alloc();
    if (choice.note) this.notes.add(choice.note);
    this.#fps = rateOf(choice.stream);
    this.#clock = new PictureClock(choice.stream.timeBase, this.#fps);
    this.#shaper = new PictureShaper(choice.stream, { steps: choice.grid?.steps, maxSide });
    this.#ending = new Ending(format, choice.stream, this.#fps);
    this.#check = new PacketCheck({ container: this.#container, stream: choice.stream, fps: this.#fps }, this);
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
    const { timeoutSeconds = 10, signal, maxSide = MAX_SIDE, strict = false, keepPackets = false, live } = options;
    const remote = !/^(file|pipe):/.test(address);
    const watchdog = new Watchdog(remote ? timeoutSeconds : Number.POSITIVE_INFINITY, () => format.interrupt());
    const onAbort = () => format.interrupt();
    signal?.addEventListener('abort', onAbort, { once: true });
    let decoder: av.CodecContext | undefined;
    let reader: MediaReader | undefined;
    try {
      const boxes = () => BoxReader.open(address, timeoutSeconds);
      const choice = await watchdog.during(() =>
        openFormat(format, address, remote ? timeoutSeconds : undefined, boxes, live),
      );
      const still = !options.tolerant && address.startsWith('file:') && isCheckable(format, choice.stream);
      decoder = await openDecoder(choice.stream, strict || still, live !== undefined);
      reader = new MediaReader(format, choice, decoder, watchdog, maxSide, live);
      if (keepPackets) reader.packets = await reader.#tap(boxes);
      await reader.#begin(address);
      if (strict || !still || reader.#first) return reader;
      // What is left of a damaged image, which decoders that show it do not call so.
      reader.close();
      const rest = await MediaReader.open(address, { ...options, tolerant: true });
      if (rest.#first) rest.problems.add('it is damaged; what is left of it is shown');
      return rest;
    } catch (thrown) {
      if (reader) reader.close();
      else {
        decoder?.freeContext();
        await format.closeInput();
      }
      if (!watchdog.timedOut) throw thrown;
      throw new DepthcastError('BAD_VIDEO', { detail: `nothing came for ${timeoutSeconds} s`, cause: thrown });
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  get #container(): string {
    return this.#format.iformat?.name ?? 'unknown';
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
  async #begin(address: string): Promise<void> {
    const { codecpar, timeBase } = this.#stream;
    this.#piped = address.startsWith('pipe:');
    const frames = this.#choice.grid ? 1 : expectedFrames(this.#format, this.#stream, this.#fps);
    const plausible = frames !== undefined && (await isPlausible(address, this.#container, frames));
    this.#expected = plausible ? frames : undefined;
    this.#first = await this.#guard.run(() => this.#watchdog.during(() => this.#read()));
    const { width, height } = this.#first?.picture ?? codecpar;
    this.#info = {
      width,
      height,
      fps: this.#fps,
      frames: this.#expected,
      codec: av.avGetCodecName(codecpar.codecId) ?? 'unknown',
      container: this.#container,
      aspect: this.#aspect ?? { num: 0, den: 1 },
    };
    const hdr = HDR.get(codecpar.colorTrc);
    if (hdr)
      this.notes.add(`its pictures are HDR (${hdr}); the network sees them as they are coded, paler than they look`);
    const late = secondsBefore(this.#clock.first ?? 0, this.#check.earliest, timeBase);
    if (this.#first && late > LATE) this.notes.add(`its first ${late.toFixed(1)} s cannot be decoded: no keyframe`);
  }

  async #tap(openBoxes: OpenBoxes): Promise<PacketTap | undefined> {
    const tap = PacketTap.of(this.#stream, this.#container, this.#fps);
    if (tap === undefined || this.#choice.grid) return undefined;
    if (!EDITED.test(this.#container)) return tap;
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
      if (this.#watchdog.timedOut || code === -constants.errno.ETIMEDOUT) this.problems.add('the source stalled');
      else if (code !== av.AVERROR_EOF && code !== av.AVERROR_EXIT)
        this.problems.add(`reading stopped: ${av.FFmpegError.strerror(code)}${this.#piped ? FROM_A_PIPE : ''}`);
      await this.#decoder.sendPacket(null);
      return;
    }
    this.#ending.saw(packet);
    if (packet.streamIndex === this.#stream.index && packet.size > 0) await this.#decode(packet);
    packet.unref();
  }

  async #decode(packet: av.Packet): Promise<void> {
    this.#check.pass(packet);
    this.#times?.note(packet);
    // Reckoned from a time that was not the pictures'.
    if (this.#check.joined && Number(this.#stream.nbFrames) === 0) this.#expected = undefined;
    if ((await this.#decoder.sendPacket(packet)) < 0) this.#failed();
    else this.packets?.keep(packet);
  }

  #failed(): void {
    this.problems.add(SOME_FAILED);
    if (++this.#failures >= MAX_FAILURES) this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#check.end();
    if (this.#decoded === 0 && this.#check.hides) this.problems.add(`its edit list hides all of its frames`);
    if (this.#decoded === 0 && this.problems.delete(SOME_FAILED)) this.problems.add(ALL_FAILED);
    const problem = this.#decoded > 0 ? this.#ending.problem() : undefined;
    if (problem) this.problems.add(problem);
  }

  #timed(frame: av.Frame): TimedPicture {
    if (isRgb(frame.format as av.AVPixelFormat)) {
      frame.colorSpace = av.AVCOL_SPC_RGB;
      frame.colorRange = av.AVCOL_RANGE_JPEG;
    }
    const stamp = frame.bestEffortTimestamp;
    const time = this.#clock.next(stamp);
    const rtpTimestamp = Math.round(time * 90_000) >>> 0;
    const packet = this.#times?.take(stamp);
    const { captureTime, captureTimeError } = packet ?? {};
    const origin = { ...(captureTime && { captureTime }), ...(captureTimeError && { captureTimeError }) };
    const picture = new Picture(frame, { rtpTimestamp, ...origin });
    return {
      picture,
      time,
      ...(packet && { arrivedAt: packet.arrivedAt }),
      ...(stamp !== av.AV_NOPTS_VALUE && { stamp }),
    };
  }
}
