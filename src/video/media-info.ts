import * as av from 'node-av';
import type { Picture } from './picture.ts';

/** Frames a second that are believed; above, it is the clock's rate and not the pictures'. */
const MAX_FPS = 1000;
/** Above, the rate in which all stamps fit is seldom that of the pictures. */
const MAX_STEADY = 240;
const USUAL_FPS = { num: 25, den: 1 };

export interface Fraction {
  num: number;
  den: number;
}

/** What is known of a video when its first picture is decoded. */
export interface MediaInfo {
  /** As it is shown: cropped and turned. */
  width: number;
  height: number;
  /** Frames a second; an average where the rate varies. */
  fps: Fraction;
  /** Frames that are expected; undefined where that cannot be known. */
  frames: number | undefined;
  /** FFmpeg's names. */
  codec: string;
  container: string;
  /** Width of a pixel divided by its height, as it is shown; 0/1 where nothing is said. */
  aspect: Fraction;
}

/** A picture and the moment at which it is shown, in seconds from the first one. */
export interface TimedPicture {
  picture: Picture;
  time: number;
  /** The same moment in the time base of `MediaReader.packets`. */
  stamp?: bigint;
  /** When its packet was read, in ms since the Unix epoch; of live sources. */
  arrivedAt?: number;
}

export const ratio = ({ num, den }: Fraction): number => (den === 0 ? 0 : num / den);

/** Frames a second of a stream: on average, else at least, else a guess. An average that one long pause makes tiny is ignored. */
export function rateOf({ avgFrameRate, rFrameRate }: av.Stream): Fraction {
  const [average, steady] = [ratio(avgFrameRate), ratio(rFrameRate)];
  const paused = average < 1 && steady >= 10 * average && steady <= MAX_STEADY;
  const said = paused
    ? rFrameRate
    : [avgFrameRate, rFrameRate].find((rate) => ratio(rate) > 0 && ratio(rate) <= MAX_FPS);
  return said ? { num: said.num, den: said.den } : USUAL_FPS;
}

/** A count that says: not known yet. Writers that cannot go back to the head of an AVI leave such. */
const UNKNOWN_COUNT = 2 ** 30;

/** Whether the head of a file was never filled in, so that what it says of lengths is made up. */
export const isUnfinished = ({ nbFrames }: av.Stream): boolean => Number(nbFrames) >= UNKNOWN_COUNT;

/** Seconds that a stream says it lasts, its edit list regarded; undefined where only the whole file says something. */
export function secondsOf(stream: av.Stream): number | undefined {
  return stream.duration > 0n ? Number(stream.duration) * ratio(stream.timeBase) : undefined;
}

/** Where the stream's first picture stands, in seconds of the container's clock. */
export function startOf({ startTime, timeBase }: av.Stream): number {
  return startTime === av.AV_NOPTS_VALUE ? 0 : Number(startTime) * ratio(timeBase);
}

/** Frames to expect: a header's count, unless the stream's own time says that fewer are shown. */
export function expectedFrames(format: av.FormatContext, stream: av.Stream, fps: Fraction): number | undefined {
  if (isUnfinished(stream)) return undefined;
  const counted = Number(stream.nbFrames) || Number(stream.metadata?.get('NUMBER_OF_FRAMES') ?? 0) || 0;
  const seconds = secondsOf(stream) ?? taggedSeconds(stream) ?? Number(format.duration) / 1e6 - shift(format, stream);
  const timed = seconds > 0 ? Math.round(seconds * ratio(fps)) : 0;
  if (counted > 0 && timed > 0) return counted - timed > 1 ? timed : counted;
  return counted || timed || undefined;
}

/** Matroska's duration runs from its clock's zero; a recording may begin later. */
function shift(format: av.FormatContext, stream: av.Stream): number {
  return format.iformat?.name?.startsWith('matroska') ? Math.max(0, startOf(stream)) : 0;
}

/** What Matroska's writers leave beside a track: 00:01:02.345000000, from its clock's zero. */
function taggedSeconds(stream: av.Stream): number | undefined {
  const [, h, m, s] = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(stream.metadata?.get('DURATION') ?? '') ?? [];
  return h === undefined ? undefined : Number(h) * 3600 + Number(m) * 60 + Number(s) - Math.max(0, startOf(stream));
}
