import * as av from 'node-av';
import { type Fraction, ratio } from './media-info.ts';
import { PacketClock } from './packet-clock.ts';

/** Packets between a join of two recordings and what the container calls damaged because of it. */
const AT_A_JOIN = 8;
/** Containers that state how long every sample is shown. */
const STATES_DURATIONS = /^mov,mp4/;
const JUMPS = 'its clock jumps';

export const DAMAGED = 'some frames are damaged';

/** Looks at a stream's packets on their way to the decoder: one clock, what is hidden, and what the container calls damaged. */
export class PacketCheck {
  readonly #problems: Set<string>;
  readonly #notes: Set<string>;
  readonly #clock: PacketClock;
  /** Packets so far; the first that the container calls damaged, and the last before which the clock broke off. */
  #count = 0;
  #suspected: number | undefined;
  #joined: number | undefined;
  /** Whether an edit list hides some. */
  hides = false;
  /** The earliest stamp of a packet that is to be shown. */
  earliest: bigint | undefined;

  /** @param problems and notes are added to */
  constructor(
    { container, stream, fps }: { container: string; stream: av.Stream; fps: Fraction },
    { problems, notes }: { problems: Set<string>; notes: Set<string> },
  ) {
    const { timeBase, codecpar } = stream;
    const stated = STATES_DURATIONS.test(container);
    this.#clock = new PacketClock({ timeBase, fps, delay: codecpar.videoDelay, stated });
    this.#problems = problems;
    this.#notes = notes;
  }

  /** Whether recordings were joined, so that times reckoned before are of no use. */
  get joined(): boolean {
    return this.#joined !== undefined;
  }

  /** Brings a packet's stamps in line. */
  pass(packet: av.Packet): void {
    if (this.#clock.apply(packet)) this.#broke();
    if (packet.hasFlags(av.AV_PKT_FLAG_DISCARD)) this.hides = true;
    else if (packet.pts !== av.AV_NOPTS_VALUE && (this.earliest === undefined || packet.pts < this.earliest))
      this.earliest = packet.pts;
    this.#suspect(packet);
  }

  /** There are no more. */
  end(): void {
    if (this.#suspected !== undefined) this.#problems.add(DAMAGED);
  }

  /** Where recordings were joined, a transport stream's counters miss packets that there never were. */
  #suspect(packet: av.Packet): void {
    const count = this.#count++;
    if (packet.hasFlags(av.AV_PKT_FLAG_CORRUPT)) {
      packet.clearFlags(av.AV_PKT_FLAG_CORRUPT);
      if (this.#joined === undefined || count - this.#joined > AT_A_JOIN) this.#suspected ??= count;
    }
    if (this.#suspected !== undefined && count - this.#suspected > AT_A_JOIN) this.#problems.add(DAMAGED);
  }

  /** Told, and no damage. */
  #broke(): void {
    const { breaks, first } = this.#clock;
    const { at, by } = first!;
    for (const note of this.#notes) if (note.startsWith(JUMPS)) this.#notes.delete(note);
    const often = breaks === 1 ? '' : `, the first of ${breaks} jumps`;
    this.#notes.add(`${JUMPS} by ${inWords(by)} after ${at.toFixed(1)} s${often}; pictures go on one frame later`);
    this.#suspected = undefined;
    this.#joined = this.#count;
  }
}

/** Where the earliest packet that is to be shown stands before a moment, in seconds. */
export const secondsBefore = (moment: number, earliest: bigint | undefined, timeBase: Fraction): number =>
  earliest === undefined ? 0 : moment - Number(earliest) * ratio(timeBase);

function inWords(seconds: number): string {
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? '-' : '';
  return size < 120
    ? `${sign}${size.toFixed(1)} s`
    : size < 7200
      ? `${sign}${Math.round(size / 60)} min`
      : `${sign}${Math.round(size / 3600)} h`;
}
