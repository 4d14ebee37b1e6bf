import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSound, FRAME_TICKS, type SentFrame, sentFrames, times, vp8 } from '../../../test/support/sent-frames.ts';
import { CODEC_NAMES } from '../../codecs.ts';
import type { EncodedFrame, VideoCodec } from '../../video/types.ts';
import { FrameAssembler } from './assembler.ts';
import type { MediaPacket } from './media-packet.ts';

function collect() {
  const frames: EncodedFrame[] = [];
  /** Of each whether a keyframe followed at once. */
  const gaps: boolean[] = [];
  const assembler = new FrameAssembler({
    onFrame: (frame) => frames.push(frame),
    onGap: (keyframeFollows) => gaps.push(keyframeFollows),
  });
  const insert = (packets: readonly MediaPacket[]) => packets.map((packet) => assembler.insert(packet));
  const left = () => frames.map(({ rtpTimestamp }) => rtpTimestamp);
  return { assembler, frames, gaps: () => gaps.length, told: gaps, insert, left };
}

const plan = fc.array(
  fc.record({
    keyframe: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    size: fc.integer({ min: 1, max: 900 }),
    padding: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 40 },
);
const codecs = fc.constantFrom<VideoCodec>('VP8', 'H264');

describe('frame assembly', () => {
  it('gives back every frame, at once, when nothing is lost', () => {
    fc.assert(
      fc.property(codecs, plan, fc.nat(0x1ffff), (codec, frames, first) => {
        const sources = sentFrames(codec, frames, first);
        const out = collect();
        for (const [index, { packets }] of sources.entries()) {
          for (const packet of packets) out.assembler.insert(packet);
          expect(out.frames.length).toBe(index + 1);
        }
        checkSound(sources, out.frames);
        expect([out.assembler.discarded, out.gaps(), out.assembler.heldBytes]).toEqual([0, 0, 0]);
      }),
    );
  });

  it('does not mind order and duplicates', () => {
    fc.assert(
      fc.property(codecs, plan, fc.array(fc.nat(20), { minLength: 1, maxLength: 50 }), (codec, frames, delays) => {
        const sources = sentFrames(
          codec,
          // A later keyframe would make what is missing before it irrelevant.
          frames.map((frame) => ({ ...frame, keyframe: false })),
          100,
        );
        const packets = sources.flatMap((source) => source.packets);
        const shuffled = packets
          .flatMap((packet, i) => {
            const delay = i === 0 ? 0 : delays[i % delays.length]!;
            // One in five comes twice.
            return delay % 5 === 1
              ? [
                  { packet, at: i + delay },
                  { packet, at: i + 2 * delay },
                ]
              : [{ packet, at: i + delay }];
          })
          .toSorted((a, b) => a.at - b.at);
        const out = collect();
        for (const { packet } of shuffled) out.assembler.insert(packet);
        expect(out.frames.length).toBe(sources.length);
        checkSound(sources, out.frames);
      }),
    );
  });

  it('never lets a damaged frame out, whatever is lost', () => {
    fc.assert(
      fc.property(
        codecs,
        plan,
        fc.array(fc.nat(99), { minLength: 5, maxLength: 100 }),
        fc.constantFrom(2, 10, 40),
        (codec, frames, dice, loss) => {
          const sources = sentFrames(codec, frames, 65_500);
          const out = collect();
          let n = 0;
          let missing: number[] = [];
          for (const packet of sources.flatMap((source) => source.packets)) {
            const roll = dice[n++ % dice.length]!;
            if (roll < loss) missing.push(packet.sequence);
            else out.assembler.insert(packet);
            // Some holes are given up after a while.
            if (roll % 7 === 0 && missing.length > 0) {
              out.assembler.giveUp(missing.at(-1)!);
              missing = [];
            }
          }
          checkSound(sources, out.frames);
        },
      ),
      { numRuns: 500 },
    );
  });

  describe('of H.264 keyframes however they begin', () => {
    const sps = Buffer.from([0x67, 66, 192, 31, 0x80]);
    const pps = Buffer.from([0x68, 206, 60, 129]);
    const sei = Buffer.from([0x06, 5, 1, 1, 0x80]);
    const prefix = Buffer.from([0x6e, 0x80, 1]);
    const slices = [Buffer.from([0x65, 0x88, 1]), Buffer.from([0x65, 0x08, 2])];
    const parameterSets = [sps, pps].map((set) => set.toString('base64'));

    it.each([
      ['SEI', [sei, sps, pps, ...slices]],
      ['the picture parameter set', [pps, sps, ...slices]],
      ['a slice, with parameter sets from the SDP', slices],
      ['a prefix unit', [prefix, ...slices]],
    ])('%s: the first one counts, and so does the first after a hole', (_name, units) => {
      const frames: EncodedFrame[] = [];
      const assembler = new FrameAssembler({
        onFrame: (f) => frames.push(f),
        onGap: () => {},
        parameterSets: new Map([['H264', parameterSets]]),
      });
      let sequence = 100;
      const send = (timestamp: number, payloads: readonly Buffer[], lost = -1) => {
        for (const [i, payload] of payloads.entries()) {
          const marker = i === payloads.length - 1;
          const packet: MediaPacket = {
            sequence: sequence++,
            timestamp,
            marker,
            codec: 'H264',
            payload,
            arrivedAt: 0,
            captureTime: undefined,
          };
          if (i !== lost) assembler.insert(packet);
        }
      };
      const delta = [Buffer.from([0x41, 0x9a, 1]), Buffer.from([0x41, 0x1a, 2])];
      send(0, units);
      send(3000, delta);
      send(6000, delta, 0);
      send(9000, units);
      expect(frames.map(({ rtpTimestamp, keyframe }) => [rtpTimestamp, keyframe])).toEqual([
        [0, true],
        [3000, false],
        [9000, true],
      ]);
      // The later slices alone make no picture.
      send(12_000, units, units.length - 2);
      send(15_000, delta);
      expect(frames.length).toBe(3);
    });
  });

  it('goes on after a hole with the next whole keyframe, without waiting for the hole', () => {
    for (const codec of ['VP8', 'H264'] as const) {
      const sources = sentFrames(
        codec,
        [true, false, false, true, false].map((keyframe) => ({ keyframe, size: 500 })),
        10,
      );
      const out = collect();
      const lost = sources[1]!.packets[1]!;
      for (const packet of sources.flatMap((source) => source.packets))
        if (packet !== lost) out.assembler.insert(packet);
      expect(out.frames.map(({ rtpTimestamp }) => rtpTimestamp)).toEqual(
        [0, 3, 4].map((i) => sources[i]!.frame.rtpTimestamp),
      );
      expect(out.gaps()).toBe(1);
      // The straggler is too late.
      expect(out.assembler.insert(lost)).toBe(false);
    }
  });

  it('holds a bounded number of packets and bytes', () => {
    const out = collect();
    const [
      {
        packets: [first],
      },
    ] = sentFrames('VP8', [{ keyframe: true, size: 10 }], 0) as [SentFrame];
    out.assembler.insert(first!);
    // A hole, and a sender that does not care.
    for (let n = 2; n < 10_000; n++)
      out.assembler.insert({ ...first!, sequence: n, timestamp: n, payload: Buffer.alloc(60_000, 1) });
    expect(out.assembler.next).toBeGreaterThan(9000);
    expect(out.gaps()).toBeGreaterThan(0);
  });

  it.each(CODEC_NAMES.filter((codec) => codec === 'VP8' || codec === 'H264'))(
    'does not lose the first keyframe of %s when its first packets come in another order',
    (codec) => {
      const plan = [true, false, false].map((keyframe) => ({ keyframe, size: 900 }));
      const sources = sentFrames(codec, plan, 100);
      const packets = sources.flatMap((source) => source.packets);
      const count = sources[0]!.packets.length;
      const first = [...packets.keys()].slice(0, count);
      const orders = [
        [1, 0, ...first.slice(2)],
        first.toReversed(),
        [2, 0, 1, ...first.slice(3)],
        // A whole frame before it.
        [...first.slice(1), 0],
      ];
      for (const order of orders) {
        const out = collect();
        for (const index of order) expect(out.assembler.insert(packets[index]!)).toBe(true);
        // Again, and too early.
        expect(out.assembler.insert(packets[0]!)).toBe(false);
        expect(out.assembler.insert({ ...packets[0]!, sequence: 99 })).toBe(false);
        for (const packet of packets.slice(count)) out.assembler.insert(packet);
        expect(out.frames, order.join()).toHaveLength(3);
        checkSound(sources, out.frames);
        expect(out.assembler.heldBytes).toBe(0);
      }
    },
  );

  it('survives any payload', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CODEC_NAMES),
        fc.array(fc.record({ payload: fc.uint8Array({ maxLength: 12 }), marker: fc.boolean(), skip: fc.nat(3) }), {
          maxLength: 60,
        }),
        (codec, items) => {
          const out = collect();
          let sequence = 0;
          for (const [i, { payload, marker, skip }] of items.entries()) {
            sequence += 1 + (skip === 3 ? 1 : 0);
            out.assembler.insert({
              sequence,
              timestamp: i >> 2,
              marker,
              codec,
              payload: Buffer.from(payload),
              arrivedAt: i,
              captureTime: undefined,
            });
            if (i % 10 === 9) out.assembler.giveUp(sequence);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('a keyframe', () => {
  it('is waited for at the beginning, which is no gap', () => {
    const sources = vp8([true, false, true]);
    const out = collect();
    expect(out.assembler).toMatchObject({ waiting: true, next: -1, oldest: -1, heldBytes: 0 });
    out.insert(sources[1]!.packets);
    expect(out.assembler).toMatchObject({ waiting: true, discarded: 1, unreadable: 0 });
    out.insert(sources[2]!.packets);
    expect(out.assembler).toMatchObject({ waiting: false, discarded: 1, heldBytes: 0 });
    expect([out.left(), out.gaps()]).toEqual([times(sources, 2), 0]);
  });

  it('ends a gap, which is told once, and told of when it is there already', () => {
    const sources = vp8([true, false, false, true, false, false, true]);
    const out = collect();
    const lost = [sources[1]!.packets[1]!, sources[4]!.packets[0]!];
    out.insert(sources.slice(0, 6).flatMap(({ packets }) => packets.filter((packet) => !lost.includes(packet))));
    expect([out.left(), out.told]).toEqual([times(sources, 0, 3), [true]]);
    out.assembler.giveUp(lost[1]!.sequence);
    expect(out.assembler).toMatchObject({ waiting: true, discarded: 3, unreadable: 0, heldBytes: 0 });
    out.insert(sources[6]!.packets);
    expect([out.left(), out.told]).toEqual([times(sources, 0, 3, 6), [true, false]]);
  });

  it('behind a hole is not kept waiting by one before it that is not whole', () => {
    const sources = vp8([true, false, true, true]);
    const out = collect();
    const lost = [sources[1]!.packets[0]!, sources[2]!.packets[1]!];
    out.insert(sources.flatMap(({ packets }) => packets.filter((packet) => !lost.includes(packet))));
    expect([out.left(), out.told]).toEqual([times(sources, 0, 3), [true]]);
  });

  it('of one packet behind a hole leaves at once', () => {
    const sources = vp8([true, false, true], 50);
    const out = collect();
    out.insert([...sources[0]!.packets, ...sources[2]!.packets]);
    expect([out.left(), out.told]).toEqual([times(sources, 0, 2), [true]]);
  });

  it('behind a hole may have padding between its packets, whatever its time', () => {
    const sources = vp8([true, false, true]);
    const out = collect();
    const [{ packets: first }, , { packets: key }] = sources as [SentFrame, SentFrame, SentFrame];
    out.insert(first);
    const at = key[0]!.sequence;
    const padding = { ...key[0]!, sequence: at + 1, timestamp: 1, marker: false, payload: Buffer.alloc(0) };
    out.insert([key[0]!, padding, ...key.slice(1).map((packet) => ({ ...packet, sequence: packet.sequence + 1 }))]);
    expect([out.left(), out.told]).toEqual([times(sources, 0, 2), [true]]);
  });

  it('behind a hole is not whole by the end of the frame after it', () => {
    const sources = vp8([true, false, true, false]);
    const out = collect();
    const [, { packets: hole }, { packets: open }, { packets: next }] = sources as [
      SentFrame,
      SentFrame,
      SentFrame,
      SentFrame,
    ];
    out.insert([...sources[0]!.packets, ...hole.slice(1)]);
    out.insert([...open.map((packet) => ({ ...packet, marker: false })), ...next]);
    expect(out.left()).toEqual(times(sources, 0));
    out.assembler.giveUp(hole[0]!.sequence);
    expect(out.left()).toEqual(times(sources, 0, 2, 3));
  });
});

describe('the beginning of a stream', () => {
  it('takes packets of up to eight numbers before the first, each once, until a frame left', () => {
    const [{ packets }] = vp8([true], 1900, 100) as [SentFrame];
    expect(packets).toHaveLength(10);
    const out = collect();
    expect(out.insert([packets[8]!, { ...packets[0]!, sequence: 99 }])).toEqual([true, false]);
    expect(out.assembler.oldest).toBe(100);
    expect(out.insert([packets[0]!, packets[0]!, ...packets.slice(1, 8).toReversed()])).toEqual([
      true,
      false,
      ...Array(7).fill(true),
    ]);
    expect(out.frames).toEqual([]);
    out.insert([packets[9]!, { ...packets[0]!, sequence: 109 }]);
    expect(out.frames).toHaveLength(1);
    expect(out.assembler).toMatchObject({ oldest: 110, next: 110, discarded: 0, heldBytes: 0 });
    const near = collect();
    near.insert([{ ...packets[1]!, sequence: 3 }]);
    expect(near.assembler.oldest).toBe(0);
  });

  it('takes its first packet once, although a frame of it may come again', () => {
    const [{ packets }] = vp8([true], 1900, 100) as [SentFrame];
    const out = collect();
    expect(out.insert([packets[0]!, packets[0]!])).toEqual([true, false]);
    // In its frame, and for what may come before it.
    expect(out.assembler).toMatchObject({ next: 101, heldBytes: 2 * packets[0]!.payload.length });
  });

  it('is where it is set to, or wherever the next packet is', () => {
    const [{ packets }] = vp8([true], 300, 0) as [SentFrame];
    const { assembler } = collect();
    assembler.insert(packets[0]!);
    assembler.restartAt(0);
    assembler.insert({ ...packets[0]!, sequence: 1 });
    expect(assembler.next).toBe(0);
    assembler.reset();
    expect(assembler.next).toBe(-1);
    const middle = { ...packets[1]!, marker: false };
    const insert = (...numbers: number[]) => numbers.map((sequence) => assembler.insert({ ...middle, sequence }));
    expect(insert(500, 498)).toEqual([true, true]);
    assembler.reset();
    // What came too early for another stream is forgotten.
    expect(insert(499, 498)).toEqual([true, true]);
    expect(assembler.next).toBe(500);
  });

  it.each([
    [64, true],
    [65, false],
  ])('is remembered for 64 packets: after %i one from before is taken: %s', (count, taken) => {
    const [{ packets }] = vp8([true], 300, 99) as [SentFrame];
    const out = collect();
    out.insert(Array.from({ length: count }, (_, i) => ({ ...packets[1]!, sequence: 100 + i, marker: false })));
    expect(out.assembler.insert(packets[0]!)).toBe(taken);
  });
});

describe('its window', () => {
  const frame = (index: number, keyframe: boolean, first: number) =>
    sentFrames('VP8', [{ keyframe, size: 50 }], first).map(({ packets }) =>
      packets.map((packet) => ({ ...packet, timestamp: index * FRAME_TICKS })),
    )[0]!;

  it('takes each packet once, and none from before', () => {
    const { assembler } = collect();
    const [packet] = frame(0, true, 100);
    expect(assembler.insert({ ...packet!, sequence: 102 })).toBe(true);
    expect(assembler.insert({ ...packet!, sequence: 102 })).toBe(false);
    expect(assembler.insert({ ...packet!, sequence: 104 })).toBe(true);
    expect(assembler.insert({ ...packet!, sequence: 104 })).toBe(false);
    expect(assembler.insert({ ...packet!, sequence: 101 })).toBe(false);
  });

  it('holds 2047 packets behind a hole, and begins anew with one more', () => {
    const { assembler } = collect();
    const [packet] = frame(0, true, 0);
    assembler.insert({ ...packet!, sequence: 0, marker: false });
    expect(assembler.next).toBe(1);
    const late = { ...packet!, payload: packet!.payload.subarray(0, 1), marker: false };
    assembler.insert({ ...late, sequence: 2048 });
    expect(assembler.next).toBe(1);
    assembler.insert({ ...late, sequence: 2049 });
    expect(assembler.next).toBe(2050);
  });

  it('goes on at once with what waited behind a number that is given up', () => {
    const { assembler, frames } = collect();
    for (const packet of frame(0, true, 0)) assembler.insert(packet);
    const next = assembler.next;
    for (const packet of frame(1, true, next + 1)) assembler.insert({ ...packet, marker: false });
    expect(frames).toHaveLength(1);
    assembler.giveUp(next);
    expect(assembler.next).toBe(next + 2);
    expect(assembler.heldBytes).toBeGreaterThan(0);
  });
});

describe('what the assembler passes on', () => {
  const packet: MediaPacket = {
    sequence: 0,
    timestamp: 0,
    marker: true,
    codec: 'H264',
    payload: Buffer.alloc(1),
    arrivedAt: 0,
    captureTime: undefined,
  };

  it('is what was counted of its frames', () => {
    const { assembler } = collect();
    // Annex B, of which the first may be the end of a frame; then a keyframe without parameter sets.
    const payloads = [...Array<number[]>(3).fill([0, 0, 0, 1, 0x65, 0x88]), [0x65, 0x88]];
    for (const [i, bytes] of payloads.entries())
      assembler.insert({ ...packet, sequence: i, timestamp: FRAME_TICKS * i, payload: Buffer.from(bytes) });
    expect(assembler).toMatchObject({ discarded: 4, unreadable: 2, withoutParameterSets: 1 });
  });

  it('is the capture times of its frames, which of another stream are others', () => {
    const frames: EncodedFrame[] = [];
    const assembler = new FrameAssembler({
      onFrame: (frame) => frames.push(frame),
      onGap: () => {},
      estimate: (timestamp) => (timestamp === 0 ? { time: 77, error: 3 } : undefined),
    });
    const insert = (timestamp: number, captureTime?: number) => {
      for (const packet of vp8([true], 50, Math.max(assembler.next, 0))[0]!.packets)
        assembler.insert({ ...packet, timestamp, captureTime });
    };
    insert(0);
    insert(FRAME_TICKS, 5000);
    insert(2 * FRAME_TICKS);
    assembler.reset();
    insert(3 * FRAME_TICKS);
    expect(frames.map(({ captureTime, captureTimeError }) => [captureTime, captureTimeError])).toEqual([
      [77, 3],
      [5000, undefined],
      [5000 + FRAME_TICKS / 90, undefined],
      [undefined, undefined],
    ]);
  });
});
