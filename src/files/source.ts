import { DepthcastError } from '../errors.ts';
import { roundEven } from '../model/size.ts';
import type { MediaInfo, TimedPicture } from '../video/media-info.ts';
import type { PacketTap } from '../video/packet-tap.ts';

/** Where a job's pictures come from, one after the other and as fast as they are asked for. */
export interface FileSource {
  readonly info: MediaInfo;
  /** What went wrong without ending it, for people. */
  readonly problems: ReadonlySet<string>;
  /** What else is worth knowing: what was skipped or repaired. */
  readonly notes: ReadonlySet<string>;
  /** What the pictures are decoded from, where it can be copied as it is. */
  readonly packets?: PacketTap | undefined;
  /** The next picture, which the caller closes; undefined at the end. */
  read(): Promise<TimedPicture | undefined>;
  /** Makes a read that waits return, as if this were the end. */
  interrupt(): void;
  close(): void;
}

export interface FrameSelection {
  /** Frames a second to come down to; every n-th frame is taken, n rounded. -1: all. */
  targetFps: number;
  /** Most frames to take. -1: all. */
  maxLength: number;
}

/** A source that gives only every n-th picture, and only so many, as the official scripts choose them. */
export class SelectedSource implements FileSource {
  readonly packets: PacketTap | undefined;
  readonly #source: FileSource;
  readonly #stride: number;
  readonly #limit: number;
  #seen = 0;
  #taken = 0;

  constructor(source: FileSource, { targetFps, maxLength }: FrameSelection) {
    this.#source = source;
    const { fps } = source.info;
    this.#stride = targetFps > 0 ? Math.max(1, roundEven(fps.num / fps.den / targetFps)) : 1;
    this.#limit = maxLength > 0 ? maxLength : Number.POSITIVE_INFINITY;
    // A cut in the middle of reordered packets would leave pictures without those that they are predicted from.
    const cuts = this.#stride > 1 || (maxLength > 0 && source.packets?.reordered);
    if (cuts) source.packets?.close();
    this.packets = cuts ? undefined : source.packets;
  }

  get info(): MediaInfo {
    const { fps, frames, ...info } = this.#source.info;
    const strided = frames === undefined ? undefined : Math.ceil(frames / this.#stride);
    const expected = Math.min(strided ?? Number.POSITIVE_INFINITY, this.#limit);
    return {
      ...info,
      fps: { num: fps.num, den: fps.den * this.#stride },
      frames: Number.isFinite(expected) ? expected : undefined,
    };
  }

  get problems(): ReadonlySet<string> {
    return this.#source.problems;
  }

  get notes(): ReadonlySet<string> {
    return this.#source.notes;
  }

  async read(): Promise<TimedPicture | undefined> {
    if (this.#taken >= this.#limit) return undefined;
    for (;;) {
      const next = await this.#source.read();
      if (next === undefined) return undefined;
      if (this.#seen++ % this.#stride === 0) {
        this.#taken++;
        return next;
      }
      next.picture.close();
    }
  }

  interrupt(): void {
    this.#source.interrupt();
  }

  close(): void {
    this.#source.close();
  }
}

/** @throws DepthcastError BAD_VIDEO: there is not a single picture */
export function noPictures(source: FileSource): DepthcastError {
  const why = [...source.problems].join('; ');
  return new DepthcastError('BAD_VIDEO', { detail: why || 'it holds no pictures' });
}
