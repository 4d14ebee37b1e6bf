import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginsH264AccessUnit, carriesIdr, H264Depacketizer, packetizeH264, splitAnnexB } from './h264.ts';

const SPS = Buffer.from('6742c01fda0280f6', 'hex');
const PPS = Buffer.from('68ce3c80', 'hex');
const IDR = Buffer.from('65888421a0', 'hex');
const SLICE = Buffer.from('419a246c41', 'hex');

function annexB(...units: Uint8Array[]): Buffer {
  return Buffer.concat(units.flatMap((unit) => [Buffer.from([0, 0, 0, 1]), unit]));
}

function packetize(accessUnit: Uint8Array, maxPayload: number): Buffer[] {
  const payloads: Buffer[] = [];
  packetizeH264(accessUnit, maxPayload, (size, _last, write) => {
    const payload = Buffer.alloc(size);
    write(payload, 0);
    payloads.push(payload);
  });
  return payloads;
}

/** A NAL unit: no start code inside, no zero at the end. */
const unit = fc
  .tuple(fc.constantFrom(0x41, 0x65, 0x21), fc.uint8Array({ minLength: 1, maxLength: 400 }))
  .map(([head, body]) => Uint8Array.from([head, ...body.map((byte) => byte || 1)]));

describe('H.264 payloads', () => {
  it('come back as the access unit that was cut', () => {
    fc.assert(
      fc.property(
        fc.array(unit, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 20, max: 300 }),
        (units, maxPayload) => {
          const payloads = packetize(annexB(...units), maxPayload);
          for (const payload of payloads) expect(payload.length).toBeLessThanOrEqual(maxPayload);
          const whole = new H264Depacketizer().assemble(payloads)!;
          expect(whole.data).toEqual(annexB(...units));
          expect(whole.keyframe).toBe(units.some((u) => (u[0]! & 31) === 5));
        },
      ),
    );
  });

  it('mark their last packet and drop access unit delimiters', () => {
    const marks: boolean[] = [];
    packetizeH264(
      annexB(Buffer.from([9, 0xf0]), SPS, PPS, Buffer.concat([IDR, Buffer.alloc(500, 1)])),
      100,
      (_size, last) => marks.push(last),
    );
    expect(marks.slice(0, 2)).toEqual([false, false]);
    expect(marks.filter(Boolean)).toEqual([true]);
    expect(marks.at(-1)).toBe(true);
  });

  it('are taken out of STAP-A', () => {
    const stap = Buffer.concat([
      Buffer.from([24]),
      ...[SPS, PPS].flatMap((set) => [Buffer.from([0, set.length]), set]),
    ]);
    expect(beginsH264AccessUnit(stap)).toBe(true);
    expect(carriesIdr(stap)).toBe(false);
    expect(new H264Depacketizer().assemble([stap, IDR])).toEqual({ data: annexB(SPS, PPS, IDR), keyframe: true });
    const cut = stap.subarray(0, stap.length - 1);
    expect(new H264Depacketizer().assemble([cut, IDR])).toBeUndefined();
  });

  it('of a keyframe get the parameter sets that came before, or stood in the SDP', () => {
    const stream = new H264Depacketizer();
    stream.assemble([SPS, PPS, IDR]);
    expect(stream.assemble([SLICE])?.data).toEqual(annexB(SLICE));
    expect(stream.assemble([IDR])?.data).toEqual(annexB(SPS, PPS, IDR));
    const sdp = new H264Depacketizer([PPS.toString('base64'), SPS.toString('base64'), 'AAAA', '???']);
    expect(sdp.assemble([IDR])?.data).toEqual(annexB(SPS, PPS, IDR));
  });

  it('without a picture are remembered but give no frame', () => {
    const stream = new H264Depacketizer();
    expect(stream.assemble([SPS, PPS])).toEqual({ data: Buffer.alloc(0), keyframe: false });
    expect(stream.assemble([IDR])?.data).toEqual(annexB(SPS, PPS, IDR));
  });

  it('are refused where a fragment is missing or of an unknown kind', () => {
    const fragments = packetize(annexB(Buffer.concat([IDR, Buffer.alloc(300, 1)])), 100);
    expect(fragments.length).toBeGreaterThan(2);
    expect(new H264Depacketizer().assemble(fragments.slice(1))).toBeUndefined();
    expect(new H264Depacketizer().assemble(fragments.slice(0, -1))).toBeUndefined();
    expect(new H264Depacketizer().assemble([...fragments.slice(0, 1), SLICE])).toBeUndefined();
    for (const type of [0, 25, 26, 27, 29, 30, 31])
      expect(new H264Depacketizer().assemble([Buffer.from([type, 1, 2, 3])])).toBeUndefined();
  });

  it('splits on three and four byte start codes', () => {
    const mixed = Buffer.concat([
      Buffer.from([0, 0, 1]),
      SPS,
      Buffer.from([0, 0, 0, 1]),
      PPS,
      Buffer.from([0, 0, 1]),
      IDR,
      Buffer.from([0, 0]),
    ]);
    expect(splitAnnexB(mixed)).toEqual([SPS, PPS, IDR]);
    expect(splitAnnexB(Buffer.from([1, 2, 3]))).toEqual([]);
  });
});
