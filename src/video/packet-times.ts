import * as av from 'node-av';

/** Packets that are remembered: more than any decoder holds back. */
const MAX_PACKETS = 64;
/** A sender's clock this far from ours is no time of the day: RFC 3550 allows one that starts at 0. */
const WALL_CLOCK_MS = 60_000;
/** Senders round, and read their clocks a little apart. */
const REPORT_ERROR_MS = 2;

/** When the packet of a picture came, and when the picture was taken. */
export interface PacketTime {
  /** ms since the Unix epoch. */
  arrivedAt: number;
  captureTime?: number;
  /** ms by which it may be wrong; absent where the device told the time itself. */
  captureTimeError?: number;
}

/**
 * What a live source tells of its packets' times, found again by the time stamp of the decoded picture: RTCP sender reports as
 * FFmpeg hands them on (producer reference time), or a device's stamps, where these are the time of the day.
 */
export class PacketTimes {
  readonly #known = new Map<bigint, PacketTime>();
  readonly #stampsOfDay: boolean;
  readonly #fallbackError: number | undefined;

  /**
   * @param stampsOfDay stamps are microseconds since the Unix epoch
   * @param fallbackError ms by which a packet's arrival may miss the time of capture; undefined: it says nothing about it
   */
  constructor({ stampsOfDay = false, fallbackError }: { stampsOfDay?: boolean; fallbackError?: number | undefined }) {
    this.#stampsOfDay = stampsOfDay;
    this.#fallbackError = fallbackError;
  }

  note(packet: av.Packet): void {
    const arrivedAt = performance.timeOrigin + performance.now();
    if (this.#known.size >= MAX_PACKETS) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(packet.pts, { arrivedAt, ...this.#captured(packet, arrivedAt) });
  }

  /** @param stamp of the decoded picture */
  take(stamp: bigint): PacketTime | undefined {
    return this.#known.get(stamp);
  }

  #captured(packet: av.Packet, arrivedAt: number): Omit<PacketTime, 'arrivedAt'> {
    const ofDay = (ms: number) => Math.abs(ms - arrivedAt) < WALL_CLOCK_MS;
    const stamp = Number(packet.pts) / 1000;
    if (this.#stampsOfDay && ofDay(stamp)) return { captureTime: stamp };
    // AVProducerReferenceTime: int64 microseconds since the Unix epoch, int flags.
    const reference = packet.getSideData(av.AV_PKT_DATA_PRFT);
    if (reference && reference.length >= 8) {
      const ms = Number(reference.readBigInt64LE(0)) / 1000;
      if (ofDay(ms)) return { captureTime: ms, captureTimeError: REPORT_ERROR_MS };
    }
    return this.#fallbackError === undefined ? {} : { captureTime: arrivedAt, captureTimeError: this.#fallbackError };
  }
}
