import * as av from 'node-av';
import { expectedFrames, type Fraction, isUnfinished, ratio, secondsOf, startOf } from './media-info.ts';

/** Containers that promise a duration in their head, written when they were whole; others are measured as they are. */
const PROMISES = /^(mov,mp4|matroska|avi|flv|asf)/;
/** Containers of which FFmpeg gives every stream the length of the whole file. */
const OF_ALL_STREAMS = /^asf/;
/** Missing at the end, in seconds and in frames, from which on a file counts as cut short. */
const SLACK = 0.15;
const SLACK_FRAMES = 2;
/** Where only the file as a whole promises something: sound, subtitles and chapters end where they like. */
const SLACK_OF_FILE = 0.5;

/** Compares what a file promises to hold with what was read of it: packets with packets, not with pictures that are shown. */
export class Ending {
  readonly #format: av.FormatContext;
  readonly #stream: av.Stream;
  readonly #fps: Fraction;
  readonly #promised: number;
  /** The promise is the stream's own. */
  readonly #own: boolean;
  #end = 0;
  #read = 0;

  constructor(format: av.FormatContext, stream: av.Stream, fps: Fraction) {
    this.#format = format;
    this.#stream = stream;
    this.#fps = fps;
    const name = format.iformat?.name ?? '';
    const own = OF_ALL_STREAMS.test(name) ? undefined : secondsOf(stream);
    this.#own = own !== undefined;
    const seconds = own ?? Number(format.duration) / 1e6;
    const promises = PROMISES.test(name) && seconds > 0 && !isUnfinished(stream);
    this.#promised = promises ? seconds + (own === undefined ? 0 : startOf(stream)) : 0;
  }

  /** Whether packets of all streams are of use: where the pictures alone cannot tell where the file ends. */
  get watchesAll(): boolean {
    return this.#promised > 0 && !this.#own;
  }

  /** @param packet as it came from the file */
  saw(packet: av.Packet): void {
    const stream = this.#format.streams[packet.streamIndex];
    const stamp = packet.pts === av.AV_NOPTS_VALUE ? packet.dts : packet.pts;
    if (packet.streamIndex === this.#stream.index && !packet.hasFlags(av.AV_PKT_FLAG_DISCARD)) this.#read++;
    if (stream === undefined || stamp === av.AV_NOPTS_VALUE) return;
    if (this.#own && packet.streamIndex !== this.#stream.index) return;
    const end = Number(stamp + packet.duration) * ratio(stream.timeBase);
    if (end > this.#end) this.#end = end;
  }

  /** What is missing, for people; undefined where nothing is. */
  problem(): string | undefined {
    if (this.#promised === 0 || this.#read === 0) return undefined;
    const frames = SLACK_FRAMES / Math.max(1e-3, ratio(this.#fps));
    const slack = Math.max(frames, this.#own ? SLACK : SLACK_OF_FILE);
    if (this.#end >= this.#promised - slack) return undefined;
    const expected = expectedFrames(this.#format, this.#stream, this.#fps);
    if (this.#own && expected) return `it ends after ${Math.min(this.#read, expected)} of ${expected} frames`;
    return `it ends after ${this.#end.toFixed(1)} of ${this.#promised.toFixed(1)} s`;
  }
}
