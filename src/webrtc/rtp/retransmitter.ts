import { firstSequenceNumber } from './packet.ts';

/** A sent packet, kept for a while so that it can be sent again; then its place is another's. */
interface Sent {
  sequenceNumber: number;
  /** Begins with the whole RTP packet, in clear. */
  readonly memory: Buffer;
  length: number;
  headerLength: number;
  rtxPayloadType: number | undefined;
  sentAt: number;
  resentAt: number;
  resends: number;
}

const CAPACITY = 1024;
/** Of a place, at least: no packet that we send is longer. */
const PLACE_BYTES = 1200;
const MAX_AGE_MS = 2000;
const MAX_RESENDS = 8;
const MIN_INTERVAL_MS = 10;
/** Repairs may take this share of the target bitrate on top; more would feed a congestion. */
const SHARE = 0.5;
/** What may be saved up of it. */
const MAX_SAVED_MS = 500;
/** The original sequence number in front of the payload. */
export const RTX_BYTES = 2;

/**
 * Answers NACKs from the last second or two of a stream, as RTX (RFC 4588) where that was negotiated. Bounded: 1024
 * packets (1.2 MB), a few repetitions of each, half the target bitrate. Times are in ms.
 *
 * Packets are copied into places that stay: kept themselves, they would all reach V8's old generation with their memory, and the whole
 * heap would be marked every few seconds to be rid of them.
 */
export class Retransmitter {
  resent = 0;
  readonly #history: (Sent | undefined)[] = new Array(CAPACITY).fill(undefined);
  readonly #ssrc: number;
  readonly #send: (packet: Buffer, headerLength: number) => void;
  #sequenceNumber = firstSequenceNumber();
  #budget = 0;
  #budgetAt = 0;

  /** @param ssrc of the RTX stream */
  constructor(ssrc: number, send: (packet: Buffer, headerLength: number) => void) {
    this.#ssrc = ssrc;
    this.#send = send;
  }

  remember(packet: Buffer, headerLength: number, rtxPayloadType: number | undefined, now: number): void {
    const sequenceNumber = packet.readUInt16BE(2);
    const place = sequenceNumber % CAPACITY;
    let sent = this.#history[place];
    if (sent === undefined || sent.memory.length < packet.length) {
      sent = newPlace(Math.max(PLACE_BYTES, packet.length));
      this.#history[place] = sent;
    }
    packet.copy(sent.memory);
    sent.sequenceNumber = sequenceNumber;
    sent.length = packet.length;
    sent.headerLength = headerLength;
    sent.rtxPayloadType = rtxPayloadType;
    sent.sentAt = now;
    sent.resentAt = Number.NEGATIVE_INFINITY;
    sent.resends = 0;
  }

  /**
   * Sends again what is still there and was not just sent again.
   * @param network round trip in ms, where known; target bitrate in bit/s
   * @param stamp brings the header of an RTX packet up to date
   */
  answer(
    sequenceNumbers: readonly number[],
    now: number,
    network: { roundTripTime: number | undefined; bitrate: number },
    stamp: (header: Buffer) => void,
  ): void {
    const bytesPerMs = (network.bitrate / 8000) * SHARE;
    this.#budget = Math.min(MAX_SAVED_MS * bytesPerMs, this.#budget + (now - this.#budgetAt) * bytesPerMs);
    this.#budgetAt = now;
    // A second request within a round trip is about the same loss.
    const spacing = Math.max(MIN_INTERVAL_MS, 0.8 * (network.roundTripTime ?? 0));
    for (const sequenceNumber of sequenceNumbers) {
      if (this.#budget <= 0) return;
      const sent = this.#history[sequenceNumber % CAPACITY];
      if (sent?.sequenceNumber !== sequenceNumber || now - sent.sentAt > MAX_AGE_MS) continue;
      if (sent.resends >= MAX_RESENDS || now - sent.resentAt < spacing) continue;
      sent.resentAt = now;
      sent.resends++;
      this.resent++;
      this.#budget -= sent.length;
      // Without RTX the same packet is sent again; not a byte of it may differ, or its nonce would be used twice.
      if (sent.rtxPayloadType === undefined) this.#send(sent.memory.subarray(0, sent.length), sent.headerLength);
      else this.#send(this.#wrap(sent, sent.rtxPayloadType, stamp), sent.headerLength);
    }
  }

  /** Own SSRC, own numbers, the original number in front of the payload. */
  #wrap(sent: Sent, payloadType: number, stamp: (header: Buffer) => void): Buffer {
    const { memory, length, headerLength, sequenceNumber } = sent;
    const wrapped = Buffer.allocUnsafe(length + RTX_BYTES);
    memory.copy(wrapped, 0, 0, headerLength);
    wrapped[1] = (memory[1]! & 0x80) | payloadType;
    wrapped.writeUInt16BE(this.#sequenceNumber, 2);
    wrapped.writeUInt32BE(this.#ssrc, 8);
    stamp(wrapped);
    wrapped.writeUInt16BE(sequenceNumber, headerLength);
    memory.copy(wrapped, headerLength + RTX_BYTES, headerLength, length);
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    return wrapped;
  }
}

const newPlace = (bytes: number): Sent => ({
  sequenceNumber: -1,
  memory: Buffer.allocUnsafeSlow(bytes),
  length: 0,
  headerLength: 0,
  rtxPayloadType: undefined,
  sentAt: Number.NEGATIVE_INFINITY,
  resentAt: Number.NEGATIVE_INFINITY,
  resends: 0,
});
