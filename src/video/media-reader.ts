import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { isShownWhole } from './edit-list.ts';
import { FrameReader, type OpenStream } from './frame-reader.ts';
import { BoxReader } from './iso-boxes.ts';
import { expectedFrames, type Fraction, type MediaInfo, rateOf, ratio, type TimedPicture } from './media-info.ts';
import { Guard } from './native.ts';
import { isCheckable, isPlausible, type LiveInput, type OpenBoxes, openDecoder, openFormat } from './open-media.ts';
import { secondsBefore } from './packet-check.ts';
import { PacketTap } from './packet-tap.ts';
import { PacketTimes } from './packet-times.ts';
import { Picture } from './picture.ts';
import { PictureClock } from './picture-clock.ts';
import { isRgb } from './picture-filter.ts';
import { PictureShaper } from './picture-shaper.ts';
import type { StreamChoice } from './stream-choice.ts';
import { Watchdog } from './watchdog.ts';

const MAX_SIDE = 16384;
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
  readonly #format: av.FormatContext;
  readonly #choice: StreamChoice;
  readonly #stream: av.Stream;
  readonly #guard: Guard;
  readonly #watchdog: Watchdog;
  readonly #fps: Fraction;
  readonly #shaper: PictureShaper;
  readonly #frames: FrameReader;
  readonly #clock: PictureClock;
  readonly #times: PacketTimes | undefined;
  /** Frames that are expected. */
  #expected: number | undefined;
  #info: MediaInfo | undefined;
  #aspect: Fraction | undefined;
  #first: TimedPicture | undefined;
  #drained = false;

  private constructor(
    { format, choice, decoder }: Pick<OpenStream, 'format' | 'choice' | 'decoder'>,
    watchdog: Watchdog,
    { maxSide, live, piped }: { maxSide: number; live: LiveInput | undefined; piped: boolean },
  ) {
    const fps = rateOf(choice.stream);
    const times = live && new PacketTimes(live.times);
    this.#times = times;
    this.#watchdog = watchdog;
    this.#format = format;
    this.#choice = choice;
    this.#stream = choice.stream;
    if (choice.note) this.notes.add(choice.note);
    this.#fps = fps;
    this.#clock = new PictureClock(choice.stream.timeBase, fps);
    this.#shaper = new PictureShaper(choice.stream, { steps: choice.grid?.steps, maxSide });
    this.#frames = new FrameReader({ format, choice, decoder, fps, watchdog, maxSide, times, piped }, this);
    this.#guard = new Guard(() => {
      this.packets?.close();
      this.#shaper.close();
      decoder.freeContext();
      this.#frames.free();
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
      const piped = address.startsWith('pipe:');
      reader = new MediaReader({ format, choice, decoder }, watchdog, { maxSide, live, piped });
      if (keepPackets) reader.#frames.packets = await reader.#tap(boxes);
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
    // Where recordings were joined, it was reckoned from a time that was not the pictures'.
    const reckoned = this.#frames.check.joined && Number(this.#stream.nbFrames) === 0;
    return { ...this.#info!, frames: reckoned ? undefined : this.#expected };
  }

  /** What was read and not taken yet, with `keepPackets`. Take it as pictures are read, or close it. */
  get packets(): PacketTap | undefined {
    return this.#frames.packets;
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
    const late = secondsBefore(this.#clock.first ?? 0, this.#frames.check.earliest, timeBase);
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
      const decoded = await this.#frames.next();
      if (decoded) {
        this.#aspect ??= this.#shaper.aspectOf(decoded);
        await this.#shaper.put(decoded);
      } else {
        this.#drained = true;
        await this.#shaper.end();
      }
    }
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
