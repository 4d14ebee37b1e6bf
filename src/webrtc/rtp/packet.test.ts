import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findExtension,
  parseRtp,
  RTP_HEADER_BYTES,
  rtpHeaderLength,
  sequenceDistance,
  timestampDistance,
  writeExtensions,
  writeRtpHeader,
} from './packet.ts';

const header = fc.record({
  payloadType: fc.nat(127),
  marker: fc.boolean(),
  sequenceNumber: fc.nat(0xffff),
  timestamp: fc.nat(0xffffffff),
  ssrc: fc.nat(0xffffffff),
});
const elements = fc.uniqueArray(
  fc.record({ id: fc.integer({ min: 1, max: 14 }), data: fc.uint8Array({ minLength: 1, maxLength: 16 }) }),
  { selector: ({ id }) => id, maxLength: 6 },
);

describe('RTP packets', () => {
  it('reads back what it writes', () => {
    fc.assert(
      fc.property(header, elements, fc.uint8Array({ maxLength: 50 }), (fields, extensions, payload) => {
        const block = writeExtensions(extensions);
        const packet = Buffer.concat([Buffer.alloc(RTP_HEADER_BYTES), block, payload]);
        writeRtpHeader(packet, { ...fields, extended: block.length > 0 });
        const length = rtpHeaderLength(packet)!;
        expect(length).toBe(RTP_HEADER_BYTES + block.length);
        const read = parseRtp(packet.subarray(0, length), packet.subarray(length))!;
        expect(read).toMatchObject(fields);
        expect(read.payload).toEqual(Buffer.from(payload));
        for (const { id, data } of extensions) expect(findExtension(read.extensions!, id)).toEqual(Buffer.from(data));
      }),
    );
  });

  it('takes padding off, and refuses more padding than payload', () => {
    const head = Buffer.from('a060000100000002000000ff', 'hex');
    expect(parseRtp(head, Buffer.from([1, 2, 0, 0, 3]))?.payload).toEqual(Buffer.from([1, 2]));
    expect(parseRtp(head, Buffer.from([0, 0, 3]))?.payload.length).toBe(0);
    expect(parseRtp(head, Buffer.from([0, 4]))).toBeUndefined();
    expect(parseRtp(head, Buffer.from([0]))).toBeUndefined();
    expect(parseRtp(head, Buffer.alloc(0))).toBeUndefined();
  });

  it('reads two-byte extensions (RFC 8285 section 4.3)', () => {
    const body = Buffer.from([20, 0, 0, 21, 3, 1, 2, 3]);
    expect(findExtension({ profile: 0x1000, body }, 21)).toEqual(Buffer.from([1, 2, 3]));
    expect(findExtension({ profile: 0x1000, body }, 20)).toEqual(Buffer.alloc(0));
    expect(findExtension({ profile: 0x1234, body }, 21)).toBeUndefined();
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 1, max: 15 }), (bytes, id) => {
        const packet = Buffer.from(bytes);
        const length = rtpHeaderLength(packet);
        if (length === undefined) return;
        const rtp = parseRtp(packet.subarray(0, length), packet.subarray(length));
        if (rtp?.extensions) findExtension(rtp.extensions, id);
      }),
      { numRuns: 2000 },
    );
  });

  it('measures distances on the circle', () => {
    expect(sequenceDistance(2, 65_534)).toBe(4);
    expect(sequenceDistance(65_534, 2)).toBe(-4);
    expect(timestampDistance(5, 0xfffffffb)).toBe(10);
    expect(timestampDistance(0xfffffffb, 5)).toBe(-10);
  });
});
