/** Sent packets, kept for a while so that they can be sent again. */
export interface SentPacket {
  sequenceNumber: number;
  /** The whole RTP packet, in clear. */
  packet: Buffer;
  headerLength: number;
  sentAt: number;
  resentAt: number;
  resends: number;
}

const CAPACITY = 1024;
const MAX_AGE_MS = 2000;
const MAX_RESENDS = 8;
const MIN_INTERVAL_MS = 10;

/** The last second or two of a sent stream. Bounded: 1024 packets are 1.2 MB. */
export class SendHistory {
  readonly #packets: (SentPacket | undefined)[] = new Array(CAPACITY).fill(undefined);

  add(sequenceNumber: number, packet: Buffer, headerLength: number, now: number): void {
    this.#packets[sequenceNumber % CAPACITY] = {
      sequenceNumber,
      packet,
      headerLength,
      sentAt: now,
      resentAt: Number.NEGATIVE_INFINITY,
      resends: 0,
    };
  }

  /**
   * The packet to send again, if it is still there and was not just sent again; counts it as resent.
   * @param roundTripTime ms: a second request within it is about the same loss
   */
  take(sequenceNumber: number, now: number, roundTripTime = 0): SentPacket | undefined {
    const entry = this.#packets[sequenceNumber % CAPACITY];
    if (entry?.sequenceNumber !== sequenceNumber || now - entry.sentAt > MAX_AGE_MS) return undefined;
    if (entry.resends >= MAX_RESENDS || now - entry.resentAt < Math.max(MIN_INTERVAL_MS, 0.8 * roundTripTime))
      return undefined;
    entry.resentAt = now;
    entry.resends++;
    return entry;
  }
}
