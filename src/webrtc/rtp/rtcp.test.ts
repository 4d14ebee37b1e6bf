import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtcpPacketConverter, type RtcpTransportLayerFeedback } from 'werift';
import {
  bye,
  compactNtp,
  fromNtp,
  nack,
  parseRtcp,
  pictureLossIndication,
  type ReportBlock,
  receiverEstimatedMaximumBitrate,
  receiverReport,
  senderReport,
  sourceDescription,
  toNtp,
} from './rtcp.ts';

const block: ReportBlock = {
  ssrc: 0xdeadbeef,
  fractionLost: 25,
  packetsLost: -3,
  highestSequence: 0x0001fffe,
  jitter: 1234,
  lastSenderReport: 0xb7052000,
  delaySinceLast: 0x00054000,
};

describe('RTCP', () => {
  it('reads back a compound packet', () => {
    const ntp = toNtp(1_700_000_000_123);
    const compound = Buffer.concat([
      senderReport({ ssrc: 1, ntp, rtpTimestamp: 90_000, packets: 5, octets: 600 }, [block]),
      sourceDescription(1, 'someone@example'),
      receiverEstimatedMaximumBitrate(1, 2, 3_000_000),
      bye(1),
    ]);
    expect(compound.length % 4).toBe(0);
    const [report, remb, end] = parseRtcp(compound);
    expect(report).toEqual({ kind: 'sender-report', ssrc: 1, ntp, rtpTimestamp: 90_000, reports: [block] });
    expect(remb).toMatchObject({ kind: 'remb', ssrcs: [2] });
    expect(end).toEqual({ kind: 'bye', ssrcs: [1] });
  });

  it('reads back receiver reports and keyframe requests', () => {
    expect(parseRtcp(receiverReport(9, [block]))).toEqual([{ kind: 'receiver-report', ssrc: 9, reports: [block] }]);
    expect(parseRtcp(pictureLossIndication(1, 2))).toEqual([{ kind: 'keyframe-request', type: 'pli', ssrc: 2 }]);
    expect(parseRtcp(Buffer.from('84ce000400000001000000000000000701000000', 'hex'))).toEqual([
      { kind: 'keyframe-request', type: 'fir', ssrc: 7 },
    ]);
  });

  it('says the bitrate to within the mantissa, never more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000_000_000 }), (bitrate) => {
        const [remb] = parseRtcp(receiverEstimatedMaximumBitrate(1, 2, bitrate));
        const read = remb?.kind === 'remb' ? remb.bitrate : 0;
        expect(read).toBeLessThanOrEqual(bitrate);
        expect(read).toBeGreaterThan(bitrate * (1 - 2 ** -17));
      }),
    );
  });

  it('asks for exactly the missing packets, as an independent parser reads it', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.uniqueArray(fc.nat(400), { minLength: 1, maxLength: 100 }), (start, offsets) => {
        const wanted = offsets.toSorted((a, b) => a - b).map((offset) => (start + offset) & 0xffff);
        const packet = nack(1, 2, wanted);
        expect(parseRtcp(packet)).toEqual([{ kind: 'nack', ssrc: 2, sequenceNumbers: wanted }]);
        const [other] = RtcpPacketConverter.deSerialize(packet) as [RtcpTransportLayerFeedback];
        expect((other.feedback as { lost: number[] }).lost.map((n) => n & 0xffff)).toEqual(wanted);
      }),
    );
  });

  it('converts times', () => {
    const now = 1_795_360_773_711.25;
    expect(fromNtp(toNtp(now))).toBeCloseTo(now, 3);
    // The example of RFC 3550 figure 2.
    expect(compactNtp({ seconds: 0xb44db705, fraction: 0x20000000 })).toBe(0xb7052000);
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(200, 201, 203, 205, 206),
        fc.nat(31),
        (bytes, type, count) => {
          const packet = Buffer.from(bytes);
          parseRtcp(packet);
          if (packet.length < 4) return;
          // Mostly well-formed: a right header over any body.
          packet[0] = 0x80 | count;
          packet[1] = type;
          packet.writeUInt16BE(Math.floor(packet.length / 4) - 1, 2);
          parseRtcp(packet);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
