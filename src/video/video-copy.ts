import { Mp4File } from './mp4-file.ts';
import { Guard } from './native.ts';
import type { PacketTap } from './packet-tap.ts';

/** Writes the packets of a video that is being decoded to an MP4 file: the same pictures, and no work for a codec. */
export class VideoCopy {
  readonly #file: Mp4File;
  readonly #tap: PacketTap;
  readonly #guard: Guard;
  /** Of the first picture; the copy begins at 0. */
  readonly #start: bigint;

  private constructor(file: Mp4File, tap: PacketTap, start: bigint) {
    this.#file = file;
    this.#tap = tap;
    this.#start = start;
    this.#guard = new Guard(() => this.#file.close());
  }

  /** @param start stamp of the first picture. @throws DepthcastError DISK_FULL, CODEC_FAILED */
  static async create(path: string, tap: PacketTap, start: bigint): Promise<VideoCopy> {
    return new VideoCopy(await Mp4File.create(path, tap), tap, start);
  }

  /** Writes what the pictures up to a stamp are decoded from. @throws DepthcastError DISK_FULL, CODEC_FAILED */
  writeTo(stamp: bigint): Promise<void> {
    return this.#guard.run(async () => {
      const packets = this.#tap.take(stamp);
      try {
        for (const packet of packets) {
          packet.pts -= this.#start;
          packet.dts -= this.#start;
          await this.#file.put(packet);
        }
      } finally {
        for (const packet of packets) packet.free();
      }
    });
  }

  /** Ends the file. @throws DepthcastError DISK_FULL */
  async finish(): Promise<void> {
    try {
      await this.#guard.run(() => this.#file.finish());
    } finally {
      this.#guard.close();
    }
  }
}
