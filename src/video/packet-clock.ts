import * as av from 'node-av';
import { type Fraction, ratio } from './media-info.ts';

/** A step of the clock beyond this, in seconds and in frames, is no pause but a break: FFmpeg's own bound is the same. */
const MAX_PAUSE = 10;
const MAX_PAUSE_FRAMES = 10;
/** A longer pause, in seconds, is believed only where the container states such a duration for the picture. */
const MAX_STATED = 600;
/** A step back beyond this, in seconds, is a new beginning; less is disorder: decoding times only rise. */
const MAX_BACK = 0.25;
/** A clock that does not go on by more than this, in seconds, stands still. */
const STANDS = 0.0005;
/** Packets of one stamp, as of pictures in pairs, before the clock counts as standing still. */
const MAX_REPEATS = 3;

export interface PacketClockOptions {
  timeBase: Fraction;
  fps: Fraction;
  /** Pictures by which decoding runs ahead of showing. */
  delay: number;
  /** Every sample's duration is written down, and times are sums of them: MP4 and MOV. */
  stated: boolean;
}

/**
 * Makes one clock of a stream's packets: where recordings were joined, or a stamp is wrong, the packets that follow go on one
 * frame later. Stamps that are missing for decoding are filled in.
 */
export class PacketClock {
  /** Breaks so far, and the first one: where, and by how much. In seconds. */
  breaks = 0;
  first: { at: number; by: number } | undefined;
  readonly #tick: number;
  readonly #step: bigint;
  readonly #delay: bigint;
  readonly #stated: boolean;
  #offset = 0n;
  #begin: bigint | undefined;
  #last: bigint | undefined;
  #lastRaw: bigint | undefined;
  /** Between the two packets before that followed each other as they should. */
  #usual: bigint;
  #lastDuration = 0n;
  /** Packets in a row with the stamp of the one before. */
  #repeats = 0;
  #brokeLast = false;
  #lead = 0n;

  constructor({ timeBase, fps, delay, stated }: PacketClockOptions) {
    this.#tick = ratio(timeBase);
    this.#step = BigInt(Math.max(1, Math.round(1 / Math.max(1e-6, ratio(fps)) / this.#tick)));
    this.#usual = this.#step;
    this.#delay = BigInt(delay);
    this.#stated = stated;
  }

  /** Brings a packet's stamps in line. @returns whether the clock broke off before it */
  apply(packet: av.Packet): boolean {
    const before = this.breaks;
    const hasPts = packet.pts !== av.AV_NOPTS_VALUE;
    if (packet.dts === av.AV_NOPTS_VALUE && hasPts)
      packet.dts =
        this.#last === undefined
          ? packet.pts - this.#delay * this.#step
          : min(this.#last - this.#offset + this.#step, packet.pts);
    if (packet.dts === av.AV_NOPTS_VALUE) return false;
    if (packet.hasFlags(av.AV_PKT_FLAG_DISCARD)) {
      // What an edit list hides overlaps what it shows.
      packet.dts += this.#offset;
      if (hasPts) packet.pts += this.#offset;
      return false;
    }
    const raw = packet.dts;
    let dts = raw + this.#offset;
    this.#begin ??= dts;
    if (this.#last !== undefined) {
      const step = dts - this.#last;
      const next = this.#last + this.#nextStep();
      const since = raw - this.#lastRaw!;
      this.#repeats = since >= 0n && since <= this.#ticks(STANDS) ? this.#repeats + 1 : 0;
      const breaks = step > this.#longest() || step < -this.#ticks(MAX_BACK);
      if (breaks) this.#broke(step);
      // A clock that stands still, as one does behind a stamp far ahead, goes on by what packets say of themselves.
      const stands = this.#repeats >= MAX_REPEATS || (this.#repeats > 0 && this.#brokeLast);
      if (breaks || stands) {
        this.#offset += next - dts;
        dts = next;
      } else if (step <= 0n) dts = this.#last + 1n;
      else if (this.#repeats === 0) this.#usual = step;
      this.#brokeLast = breaks || stands;
    }
    packet.dts = dts;
    if (hasPts) {
      packet.pts += this.#offset;
      const lead = packet.pts - dts;
      // One wrong stamp among those that order the pictures.
      if (lead > this.#longest() || lead < -this.#longest()) {
        this.#broke(lead);
        packet.pts = dts + this.#lead;
      } else if (lead < 0n) packet.pts = dts;
      else this.#lead = lead;
    }
    this.#last = dts;
    this.#lastRaw = raw;
    this.#lastDuration = packet.duration;
    return this.breaks > before;
  }

  /** What the last packet says of itself, where that fits those before it. */
  #nextStep(): bigint {
    const said = this.#lastDuration;
    return 6n * said >= this.#usual && said <= this.#usual ? said : this.#usual;
  }

  #longest(): bigint {
    if (this.#stated) return this.#ticks(MAX_STATED);
    const frames =
      BigInt(MAX_PAUSE_FRAMES) *
      (this.#plausible(this.#lastDuration) ? max(this.#lastDuration, this.#step) : this.#step);
    return max(this.#ticks(MAX_PAUSE), min(frames, this.#ticks(MAX_STATED)));
  }

  #plausible(duration: bigint): boolean {
    return duration > 0n && duration <= this.#ticks(MAX_STATED);
  }

  #broke(step: bigint): void {
    this.breaks++;
    this.first ??= { at: Number(this.#last! - this.#begin!) * this.#tick, by: Number(step) * this.#tick };
  }

  #ticks(seconds: number): bigint {
    return BigInt(Math.floor(seconds / this.#tick));
  }
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
