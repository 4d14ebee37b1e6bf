import { MAX_EARLIER } from './assembler.ts';
import { sequenceDistance } from './packet.ts';
import { compactNtp, type NtpTime, type ReportBlock } from './rtcp.ts';

/** A jump this far (either way) is a sender that began anew, once the next packet confirms it (RFC 3550 appendix A.1). */
const MAX_DROPOUT = 3000;
const CLOCK_RATE_KHZ = 90;

/** Sequence numbers, losses and jitter of one received stream, as receiver reports want them (RFC 3550 appendix A). */
export class Reception {
  received = 0;
  #first = -1;
  #highest = -1;
  #suspect = -1;
  #jitter = 0;
  #lastTransit: number | undefined;
  #lastTimestamp = 0;
  #reportedExpected = 0;
  #reportedReceived = 0;
  /** Repairs since the last report, and those that reports have counted as received. */
  #repairs = 0;
  #forgiven = 0;
  /** Since the last report: the least transit time, and the packets that were due. */
  #leastTransit = Number.POSITIVE_INFINITY;
  #interval = { expected: 0, lost: 0, transit: undefined as number | undefined };
  #senderReport: { compact: number; at: number } | undefined;

  /** Extended: begins at the first packet's 16-bit number and never wraps. */
  get highest(): number {
    return this.#highest;
  }

  /** Packets that have not come, so far. */
  get lost(): number {
    return this.#first < 0 ? 0 : this.#highest - this.#first + 1 - this.received;
  }

  /** In ms. */
  get jitter(): number {
    return this.#jitter / CLOCK_RATE_KHZ;
  }

  /**
   * Extends a sequence number.
   * @returns undefined for a wild one; 'restart' where this packet confirms that the numbers begin anew
   */
  extend(sequenceNumber: number): number | 'restart' | undefined {
    if (this.#first < 0) return this.#begin(sequenceNumber);
    const distance = sequenceDistance(sequenceNumber, this.#highest & 0xffff);
    if (Math.abs(distance) < MAX_DROPOUT) {
      this.#suspect = -1;
      const extended = this.#highest + distance;
      return extended < 0 ? undefined : extended;
    }
    if (sequenceNumber === this.#suspect) {
      this.#reset();
      return 'restart';
    }
    this.#suspect = (sequenceNumber + 1) & 0xffff;
    return undefined;
  }

  /**
   * Counts a packet of the original stream, not a retransmission.
   * @param now performance.now()
   */
  count(extended: number, timestamp: number, now: number): void {
    this.received++;
    if (extended > this.#highest) this.#highest = extended;
    // The first packet that came need not be the first that was sent.
    if (extended < this.#first && this.#first - extended <= MAX_EARLIER) this.#first = extended;
    const transit = now * CLOCK_RATE_KHZ - timestamp;
    // Packets of one frame share a timestamp: only the first says something about the network.
    if (this.#lastTransit !== undefined && timestamp !== this.#lastTimestamp) {
      const difference = Math.abs((transit - this.#lastTransit) % 0x1_0000_0000);
      // More than a second is a jump of the sender's clock.
      if (difference < 1000 * CLOCK_RATE_KHZ) this.#jitter += (difference - this.#jitter) / 16;
    }
    if (timestamp !== this.#lastTimestamp) {
      this.#lastTransit = transit;
      this.#leastTransit = Math.min(this.#leastTransit, transit);
    }
    this.#lastTimestamp = timestamp;
  }

  /** What the last report was made of: packets that were due, those that did not come, least transit time in ms. */
  get interval(): { expected: number; lost: number; transit: number | undefined } {
    return this.#interval;
  }

  /** A packet that was lost came as a repair. */
  countRepair(): void {
    this.#repairs++;
  }

  noteSenderReport(ntp: NtpTime, now: number): void {
    this.#senderReport = { compact: compactNtp(ntp), at: now };
  }

  /**
   * The report block since the last one.
   * @param forgives counts packets that were repaired as received, as if they had come late: their loss was no congestion,
   *   and senders that take it for one slow down without end
   */
  report(ssrc: number, now: number, forgives = false): ReportBlock {
    const expected = this.#first < 0 ? 0 : this.#highest - this.#first + 1;
    const interval = expected - this.#reportedExpected;
    const lost = interval - (this.received - this.#reportedReceived);
    const forgiven = forgives ? this.#repairs : 0;
    this.#forgiven += forgiven;
    this.#repairs = 0;
    this.#reportedExpected = expected;
    this.#reportedReceived = this.received;
    const least = this.#leastTransit / CLOCK_RATE_KHZ;
    this.#interval = { expected: interval, lost, transit: Number.isFinite(least) ? least : undefined };
    this.#leastTransit = Number.POSITIVE_INFINITY;
    const sr = this.#senderReport;
    return {
      ssrc,
      fractionLost: lost > forgiven ? Math.min(255, Math.floor(((lost - forgiven) * 256) / interval)) : 0,
      packetsLost: expected - this.received - this.#forgiven,
      highestSequence: Math.max(0, this.#highest) % 0x1_0000_0000,
      jitter: Math.round(this.#jitter),
      lastSenderReport: sr?.compact ?? 0,
      delaySinceLast: sr ? Math.round(((now - sr.at) / 1000) * 65_536) : 0,
    };
  }

  #begin(sequenceNumber: number): number {
    this.#first = sequenceNumber;
    this.#highest = sequenceNumber;
    return sequenceNumber;
  }

  #reset(): void {
    this.received = 0;
    this.#first = -1;
    this.#highest = -1;
    this.#suspect = -1;
    this.#lastTransit = undefined;
    this.#leastTransit = Number.POSITIVE_INFINITY;
    this.#reportedExpected = 0;
    this.#reportedReceived = 0;
    this.#repairs = 0;
    this.#forgiven = 0;
  }
}
