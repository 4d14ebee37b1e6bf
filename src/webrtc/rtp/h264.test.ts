import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { h264Format, packetizeH264, splitAnnexB } from './h264.ts';

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
          const whole = h264Format.depacketizer([SPS, PPS].map((set) => set.toString('base64'))).assemble(payloads)!;
          const keyframe = units.some((u) => (u[0]! & 31) === 5);
          expect(whole.data).toEqual(annexB(...(keyframe ? [SPS, PPS] : []), ...units));
          expect(whole.keyframe).toBe(keyframe);
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
    expect(h264Format.start(stap)).toBe('sure');
    expect(h264Format.carriesKeyframe(stap)).toBe(false);
    expect(h264Format.depacketizer([]).assemble([stap, IDR])).toEqual({ data: annexB(SPS, PPS, IDR), keyframe: true });
    const cut = stap.subarray(0, stap.length - 1);
    expect(h264Format.depacketizer([]).assemble([cut, IDR])).toBeUndefined();
  });

  it('of a keyframe get the parameter sets that came before, or stood in the SDP', () => {
    const stream = h264Format.depacketizer([]);
    stream.assemble([SPS, PPS, IDR]);
    expect(stream.assemble([SLICE])?.data).toEqual(annexB(SLICE));
    expect(stream.assemble([IDR])?.data).toEqual(annexB(SPS, PPS, IDR));
    const sdp = h264Format.depacketizer([PPS.toString('base64'), SPS.toString('base64'), 'AAAA', '???']);
    expect(sdp.assemble([IDR])?.data).toEqual(annexB(SPS, PPS, IDR));
  });

  it('of a keyframe stand first, in the order that decoders need, each id once', () => {
    const sei = Buffer.from('0605ff', 'hex');
    const delimiter = Buffer.from('09f0', 'hex');
    const stream = h264Format.depacketizer([]);
    // Without what no picture needs: decoders that are strict about damage stumble over messages of unusual form.
    const filler = Buffer.from('0cff80', 'hex');
    expect(stream.assemble([delimiter, sei, PPS, SPS, IDR, filler])?.data).toEqual(annexB(delimiter, SPS, PPS, IDR));
    // pic_parameter_set_id 1: 010 after the header.
    const second = Buffer.from('685e3c80', 'hex');
    const newer = Buffer.from('68ce3c81', 'hex');
    stream.assemble([second, newer]);
    expect(stream.assemble([IDR])?.data).toEqual(annexB(SPS, second, newer, IDR));
    // In fragments, too.
    const fragments = packetize(annexB(Buffer.concat([SPS, Buffer.alloc(90, 1)])), 60);
    expect(fragments.length).toBe(2);
    expect(stream.assemble([...fragments, IDR])?.data.subarray(4, 12)).toEqual(SPS);
  });

  it('that nobody ever sent leave a keyframe unusable', () => {
    expect(h264Format.depacketizer([]).assemble([IDR])).toBeUndefined();
    expect(h264Format.depacketizer([SPS.toString('base64')]).assemble([IDR])).toBeUndefined();
  });

  it('tell where an access unit begins', () => {
    const start = (hex: string) => h264Format.start(Buffer.from(hex, 'hex'));
    for (const hex of ['6742', '09f0', '7c8742', '1800026742']) expect(start(hex), hex).toBe('sure');
    for (const hex of ['06aa', '68ce', '0e80', '6588', '419a', '7c8588', '5c819a', '18000206aa'])
      expect(start(hex), hex).toBe('maybe');
    // Later slices, later fragments, what may end a unit, and nothing at all.
    for (const hex of ['6508', '411a', '7c0588', '7c8508', '0a', '0b', '0cff', '18', '7c', '65', ''])
      expect(start(hex), hex).toBeUndefined();
  });

  it('without a picture are remembered but give no frame', () => {
    const stream = h264Format.depacketizer([]);
    expect(stream.assemble([SPS, PPS])).toEqual({ data: Buffer.alloc(0), keyframe: false });
    expect(stream.assemble([IDR])?.data).toEqual(annexB(SPS, PPS, IDR));
  });

  it('may come in fragments of which some are empty', () => {
    const unit = Buffer.concat([IDR, Buffer.alloc(300, 1)]);
    const [first, ...others] = packetize(annexB(SPS, PPS, unit), 200).slice(2);
    const [begin, end] = [first!.subarray(0, 2), Buffer.from([others.at(-1)![0]!, 0x40 | (unit[0]! & 0x1f)])];
    const middle = [first!, ...others].map((fragment) => {
      const copy = Buffer.from(fragment);
      copy[1]! &= 0x1f;
      return copy;
    });
    expect(h264Format.depacketizer([]).assemble([SPS, PPS, begin, ...middle, end])?.data).toEqual(
      annexB(SPS, PPS, unit),
    );
  });

  it('are refused where a fragment is missing or of an unknown kind', () => {
    const fragments = packetize(annexB(Buffer.concat([IDR, Buffer.alloc(300, 1)])), 100);
    expect(fragments.length).toBeGreaterThan(2);
    expect(h264Format.depacketizer([]).assemble(fragments.slice(1))).toBeUndefined();
    expect(h264Format.depacketizer([]).assemble(fragments.slice(0, -1))).toBeUndefined();
    expect(h264Format.depacketizer([]).assemble([...fragments.slice(0, 1), SLICE])).toBeUndefined();
    for (const type of [0, 25, 26, 27, 29, 30, 31])
      expect(h264Format.depacketizer([]).assemble([Buffer.from([type, 1, 2, 3])])).toBeUndefined();
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
