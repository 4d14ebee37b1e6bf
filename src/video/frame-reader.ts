import { constants } from 'node:os';
import * as av from 'node-av';
import { Ending } from './ending.ts';
import type { TileGrid } from './heif.ts';
import type { Fraction } from './media-info.ts';
import { FROM_A_PIPE } from './open-media.ts';
import { DAMAGED, PacketCheck } from './packet-check.ts';
import type { PacketTap } from './packet-tap.ts';
import type { PacketTimes } from './packet-times.ts';
import type { StreamChoice } from './stream-choice.ts';
import { readTiles } from './tiles.ts';
import type { Watchdog } from './watchdog.ts';

/** Packets in a row that the decoder may refuse before the rest is given up. */
const MAX_FAILURES = 250;
const SOME_FAILED = 'some frames could not be decoded';
const ALL_FAILED =
  'none of its frames could be decoded: it may begin behind the parameter sets or the keyframe that they need';

/** What is open, which a reader of its frames does not close. */
export interface OpenStream {
  format: av.FormatContext;
  choice: StreamChoice;
  decoder: av.CodecContext;
  fps: Fraction;
  /** What reads may wait for. */
  watchdog: Pick<Watchdog, 'timedOut'>;
  /** Most pixels a side of a picture of tiles. */
  maxSide: number;
  /** Told of each packet. */
  times: PacketTimes | undefined;
  /** It comes through a pipe, in which nobody can go back. */
  piped: boolean;
}

/** The frames of a container's stream as they leave its decoder, until the input ends or nothing of it can be decoded any more. */
export class FrameReader {
  /** Of the packets that were read. */
  readonly check: PacketCheck;
  /** Takes what the decoder took. */
  packets: PacketTap | undefined;
  readonly #open: OpenStream;
  readonly #problems: Set<string>;
  readonly #packet = new av.Packet();
  readonly #ending: Ending;
  #ended = false;
  #failures = 0;
  #decoded = 0;

  /** @param about problems and notes are added to */
  constructor(open: OpenStream, about: { problems: Set<string>; notes: Set<string> }) {
    const { format, choice, fps } = open;
    const { stream, grid } = choice;
    this.#open = open;
    this.#problems = about.problems;
    this.#packet.alloc();
    this.#ending = new Ending(format, stream, fps);
    this.check = new PacketCheck({ container: format.iformat?.name ?? 'unknown', stream, fps }, about);
    const needed = new Set([stream.id, ...(grid?.tiles ?? [])]);
    for (const other of format.streams)
      if (grid ? !needed.has(other.id) : other.index !== stream.index && !this.#ending.watchesAll)
        other.discard = av.AVDISCARD_ALL;
  }

  /** The next frame, which the caller frees; undefined at the end. */
  async next(): Promise<av.Frame | undefined> {
    const { grid } = this.#open.choice;
    for (;;) {
      const frame = grid ? await this.#tiles(grid) : await this.#receive();
      if (frame || this.#ended) return frame;
      await this.#feed();
    }
  }

  free(): void {
    this.#packet.free();
  }

  /** The one picture of a file of tiles. */
  async #tiles(grid: TileGrid): Promise<av.Frame | undefined> {
    if (this.#ended) return undefined;
    this.#ended = true;
    return readTiles(this.#open.format, grid, this.#open.maxSide);
  }

  /** A decoded frame, or undefined when the decoder wants more. */
  async #receive(): Promise<av.Frame | undefined> {
    const frame = new av.Frame();
    frame.alloc();
    const code = await this.#open.decoder.receiveFrame(frame);
    if (code >= 0) {
      this.#failures = 0;
      this.#decoded++;
      if (frame.decodeErrorFlags !== 0 || frame.hasFlags(av.AV_FRAME_FLAG_CORRUPT)) this.#problems.add(DAMAGED);
      return frame;
    }
    frame.free();
    if (code === av.AVERROR_EOF) this.#finish();
    else if (code !== av.AVERROR_EAGAIN) this.#failed();
    return undefined;
  }

  /** Gives the decoder its next packet, or its end. */
  async #feed(): Promise<void> {
    const { format, choice, decoder, watchdog, piped } = this.#open;
    const packet = this.#packet;
    const code = await format.readFrame(packet);
    if (code === av.AVERROR_EAGAIN) return;
    if (code < 0) {
      if (watchdog.timedOut || code === -constants.errno.ETIMEDOUT) this.#problems.add('the source stalled');
      else if (code !== av.AVERROR_EOF && code !== av.AVERROR_EXIT)
        this.#problems.add(`reading stopped: ${av.FFmpegError.strerror(code)}${piped ? FROM_A_PIPE : ''}`);
      await decoder.sendPacket(null);
      return;
    }
    this.#ending.saw(packet);
    if (packet.streamIndex === choice.stream.index && packet.size > 0) await this.#decode(packet);
    packet.unref();
  }

  async #decode(packet: av.Packet): Promise<void> {
    this.check.pass(packet);
    this.#open.times?.note(packet);
    if ((await this.#open.decoder.sendPacket(packet)) < 0) this.#failed();
    else this.packets?.keep(packet);
  }

  #failed(): void {
    this.#problems.add(SOME_FAILED);
    if (++this.#failures >= MAX_FAILURES) this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.check.end();
    if (this.#decoded === 0 && this.check.hides) this.#problems.add(`its edit list hides all of its frames`);
    if (this.#decoded === 0 && this.#problems.delete(SOME_FAILED)) this.#problems.add(ALL_FAILED);
    const problem = this.#decoded > 0 ? this.#ending.problem() : undefined;
    if (problem) this.#problems.add(problem);
  }
}
