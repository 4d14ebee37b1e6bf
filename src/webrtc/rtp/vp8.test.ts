import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVp8Keyframe, packetizeVp8, parseVp8Descriptor } from './vp8.ts';

function packetize(frame: Uint8Array, pictureId: number, maxPayload: number): Buffer[] {
  const payloads: Buffer[] = [];
  packetizeVp8(frame, pictureId, maxPayload, (size, _last, write) => {
    const payload = Buffer.alloc(size);
    write(payload, 0);
    payloads.push(payload);
  });
  return payloads;
}

describe('VP8 payloads', () => {
  it('hold the frame, its picture id, and one start', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 5000 }),
        fc.nat(0x7fff),
        fc.integer({ min: 20, max: 1200 }),
        (frame, pictureId, maxPayload) => {
          const payloads = packetize(frame, pictureId, maxPayload);
          const parts = payloads.map((payload, i) => {
            const descriptor = parseVp8Descriptor(payload)!;
            expect(descriptor.start).toBe(i === 0);
            expect(payload.readUInt16BE(2)).toBe(0x8000 | pictureId);
            expect(payload.length).toBeLessThanOrEqual(maxPayload);
            return payload.subarray(descriptor.dataAt);
          });
          expect(Buffer.concat(parts)).toEqual(Buffer.from(frame));
          const sizes = parts.map(({ length }) => length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  // RFC 7741 figure 2, every combination of optional fields.
  it.each([
    ['no extension', '10 aa', 1],
    ['7-bit picture id', '90 80 11 aa', 3],
    ['15-bit picture id', '90 80 8011 aa', 4],
    ['TL0PICIDX', '90 40 05 aa', 3],
    ['TID and KEYIDX', '90 30 25 aa', 3],
    ['everything', '90 f0 8011 05 25 aa', 6],
  ])('are read with %s', (_name, hex, dataAt) => {
    expect(parseVp8Descriptor(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toEqual({ start: true, dataAt });
  });

  it('are refused where the descriptor is cut off', () => {
    for (const hex of ['', '10', '90', '9080', '908080', '9080801', '90f0801105']) {
      expect(parseVp8Descriptor(Buffer.from(hex, 'hex')), hex).toBeUndefined();
    }
  });

  it('begin a keyframe only with its start code', () => {
    expect(isVp8Keyframe(Buffer.from('1002009d012a80027801', 'hex'))).toBe(true);
    expect(isVp8Keyframe(Buffer.from('1102009d012a80027801', 'hex'))).toBe(false);
    expect(isVp8Keyframe(Buffer.from('1002009d012b80027801', 'hex'))).toBe(false);
  });
});
