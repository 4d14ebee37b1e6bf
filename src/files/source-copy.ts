import type { PacketTap } from '../video/packet-tap.ts';
import { VideoCopy } from '../video/video-copy.ts';
import type { VideoWriterOptions } from '../video/video-writer.ts';
import { countVideo, openVideo } from './depth-writer.ts';
import type { Prepared } from './prepare.ts';
import { SerialQueue } from './serial-queue.ts';

/** Frames that may wait to be written. */
const MAX_WAITING = 3;

/** NAME_src.mp4, the frames that depth was made of. */
export interface SourceCopy {
  /** Takes the frame over. Resolves when it can take the next. @throws DepthcastError DISK_FULL, CODEC_FAILED */
  write(prepared: Pick<Prepared, 'frame' | 'time' | 'stamp'>): Promise<void>;
  /** Passes over a frame that an earlier run wrote. */
  skip(stamp: bigint | undefined): Promise<void>;
  /** @throws DepthcastError DISK_FULL, CODEC_FAILED */
  finish(): Promise<void>;
}

/** Pictures as their own packets, which changes nothing and costs nothing. A run that goes on begins the file anew. */
export async function packetCopy(path: string, tap: PacketTap, start: bigint): Promise<SourceCopy> {
  const copy = await VideoCopy.create(path, tap, start);
  const queue = new SerialQueue(MAX_WAITING);
  const writeTo = (stamp: bigint | undefined) =>
    stamp === undefined ? Promise.resolve() : queue.add(() => copy.writeTo(stamp));
  return {
    write({ frame, stamp }) {
      frame?.free();
      return writeTo(stamp);
    },
    skip: writeTo,
    finish: () => queue.idle().finally(() => copy.finish()),
  };
}

/** Pictures encoded again: scaled, every n-th, from images or a codec that MP4 does not hold. */
export async function encodedCopy(path: string, options: VideoWriterOptions, keep: number): Promise<SourceCopy> {
  const writer = await openVideo(path, options, keep);
  const queue = new SerialQueue(MAX_WAITING);
  return {
    async write({ frame, time }) {
      if (frame) await queue.add(() => writer.write(frame, time).finally(() => frame.free()));
    },
    async skip() {},
    finish: () => queue.idle().finally(() => writer.finish()),
  };
}

/** Frames of an earlier run that the copy needs not be given again. */
export const countCopied = async (path: string, tap: PacketTap | undefined): Promise<number> =>
  tap ? Number.POSITIVE_INFINITY : countVideo(path);
