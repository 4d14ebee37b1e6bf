import { describe, expect, it } from 'vitest';
import { RTP_HEADER_BYTES, writeRtpHeader } from './packet.ts';
import { Retransmitter, RTX_BYTES } from './retransmitter.ts';

const SSRC = 77;
const RTX = 97;
const NETWORK = { roundTripTime: undefined, bitrate: 1e9 };
const untouched = () => {};

function packetOf(sequenceNumber: number, bytes: number): Buffer {
  const packet = Buffer.alloc(bytes, sequenceNumber & 0xff);
  const header = { payloadType: 96, marker: true, timestamp: 5, ssrc: 1, extended: false };
  writeRtpHeader(packet, { ...header, sequenceNumber });
  return packet;
}

function setUp() {
  const sent: Buffer[] = [];
  const retransmitter = new Retransmitter(SSRC, (packet) => sent.push(Buffer.from(packet)));
  return { sent, retransmitter };
}

describe('packets that are kept to be sent again', () => {
  it('come as they left, whatever becomes of the memory that they left in', () => {
    const { sent, retransmitter } = setUp();
    const packet = packetOf(9, 200);
    const left = Buffer.from(packet);
    retransmitter.remember(packet, RTP_HEADER_BYTES, undefined, 1000);
    packet.fill(0);
    retransmitter.answer([9], 1020, NETWORK, untouched);
    expect(sent).toEqual([left]);
  });

  it('come as RTX with their own number before their payload', () => {
    const { sent, retransmitter } = setUp();
    const packet = packetOf(300, 50);
    retransmitter.remember(packet, RTP_HEADER_BYTES, RTX, 1000);
    retransmitter.answer([300], 1020, NETWORK, untouched);
    const [wrapped] = sent;
    expect(wrapped!.length).toBe(packet.length + RTX_BYTES);
    expect(wrapped![1]).toBe(0x80 | RTX);
    expect(wrapped!.readUInt32BE(8)).toBe(SSRC);
    expect(wrapped!.readUInt16BE(RTP_HEADER_BYTES)).toBe(300);
    expect(wrapped!.subarray(RTP_HEADER_BYTES + RTX_BYTES)).toEqual(packet.subarray(RTP_HEADER_BYTES));
  });

  it('give their place to later ones, shorter or longer', () => {
    const { sent, retransmitter } = setUp();
    for (const [sequenceNumber, bytes] of [
      [1, 1000],
      [1025, 40],
      [2, 40],
      [1026, 1500],
    ] as const)
      retransmitter.remember(packetOf(sequenceNumber, bytes), RTP_HEADER_BYTES, undefined, 1000);
    retransmitter.answer([1, 2, 1025, 1026], 1020, NETWORK, untouched);
    expect(sent).toEqual([packetOf(1025, 40), packetOf(1026, 1500)]);
  });

  it('are not sent again once they are old, nor twice for one loss', () => {
    const { sent, retransmitter } = setUp();
    retransmitter.remember(packetOf(1, 40), RTP_HEADER_BYTES, undefined, 1000);
    retransmitter.answer([1], 1020, NETWORK, untouched);
    retransmitter.answer([1], 1025, NETWORK, untouched);
    expect(sent.length).toBe(1);
    retransmitter.answer([1], 4000, NETWORK, untouched);
    expect(sent.length).toBe(1);
  });
});
