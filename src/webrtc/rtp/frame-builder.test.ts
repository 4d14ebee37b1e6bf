import { describe, expect, it } from 'vitest';
import { checkSound, FRAME_TICKS, type SentFrame, sentFrames, vp8 } from '../../../test/support/sent-frames.ts';
import type { EncodedFrame } from '../../video/types.ts';
import { FrameBuilder, type FrameBuilderOptions } from './frame-builder.ts';
import type { MediaPacket } from './media-packet.ts';

function collect(options: Partial<FrameBuilderOptions> = {}) {
  const frames: EncodedFrame[] = [];
  /** Of each whether a keyframe followed at once. */
  const gaps: boolean[] = [];
  const builder = new FrameBuilder({
    ...options,
    onFrame: (frame) => frames.push(frame),
    onGap: (keyframeFollows) => gaps.push(keyframeFollows),
  });
  const add = (packets: readonly MediaPacket[]) => {
    for (const packet of packets) builder.add(packet);
  };
  return { builder, frames, gaps, add };
}

const packetsOf = (sources: readonly SentFrame[]) => sources.flatMap(({ packets }) => packets);

describe('a frame', () => {
  it('ends where the next begins, if its last packet has no marker', () => {
    const sources = vp8([true, false, false]);
    const out = collect();
    out.add(packetsOf(sources).map((packet) => ({ ...packet, marker: false })));
    expect(out.frames.length).toBe(2);
    checkSound(sources, out.frames);
  });

  it.each([0, 1, 8 << 20])('is held up to 4 MiB, and cut off with %i bytes more', (more) => {
    const limit = 4 << 20;
    const [{ packets: small }, { packets: large }] = vp8([true, true], 50) as [SentFrame, SentFrame];
    const out = collect();
    out.add([...small, { ...large[0]!, marker: false }]);
    for (let bytes = limit + more - large[0]!.payload.length; bytes > 0; ) {
      const payload = Buffer.alloc(Math.min(bytes, 60_000));
      bytes -= payload.length;
      // From the cut on it looks like a frame of its own.
      if (out.builder.bytes + payload.length > limit) large[0]!.payload.copy(payload);
      out.builder.add({ ...large[0]!, payload, marker: bytes === 0 });
      expect(out.builder.bytes).toBeLessThanOrEqual(limit);
    }
    expect([out.frames.length, out.builder.discarded, out.gaps]).toEqual(more === 0 ? [2, 0, []] : [1, 1, [false]]);
    expect(out.builder.withoutParameterSets).toBe(0);
  });

  it('is counted where it came whole and is not packed as its codec has it', () => {
    const out = collect();
    let sequence = 0;
    const add = (...bytes: number[]) =>
      out.builder.add({
        sequence: sequence++,
        timestamp: 3000 * sequence,
        marker: true,
        codec: 'H264',
        payload: Buffer.from(bytes),
        arrivedAt: 0,
        captureTime: undefined,
      });
    // Annex B; the first one may be the end of a frame.
    for (let n = 0; n < 3; n++) add(0, 0, 0, 1, 0x65, 0x88);
    expect(out.builder).toMatchObject({ discarded: 3, unreadable: 2 });
    // A keyframe without parameter sets is counted as such.
    add(0x65, 0x88);
    expect(out.builder).toMatchObject({ discarded: 4, unreadable: 2, withoutParameterSets: 1 });
  });

  it('tells when its packets came, whatever their order', () => {
    const [{ packets }] = vp8([true], 500) as [SentFrame];
    const out = collect();
    const at = [50, 10, 40];
    expect(packets.length).toBe(3);
    out.add(packets.map((packet, i) => ({ ...packet, arrivedAt: at[i]! })));
    expect(out.frames[0]).toMatchObject({ firstPacketAt: 10, lastPacketAt: 50 });
  });
});

describe('what follows', () => {
  it('waits for a keyframe where it joins midway', () => {
    for (const codec of ['VP8', 'H264'] as const) {
      const plan = [true, false, true, false].map((keyframe) => ({ keyframe, size: 700 }));
      const sources = sentFrames(codec, plan, 0);
      const out = collect();
      out.add(packetsOf(sources).slice(2));
      expect(out.frames.map(({ rtpTimestamp }) => rtpTimestamp)).toEqual(
        [2, 3].map((i) => sources[i]!.frame.rtpTimestamp),
      );
      expect(out.builder.discarded).toBeGreaterThan(0);
      expect(out.gaps).toEqual([]);
    }
  });

  it('may be a keyframe of another codec, and what belongs to it', () => {
    const before = packetsOf(vp8([true]));
    const [key, delta] = sentFrames(
      'H264',
      [true, false].map((keyframe) => ({ keyframe, size: 300 })),
      0,
    ) as [SentFrame, SentFrame];
    const late = ({ packets }: SentFrame, ticks: number) =>
      packets.map((packet) => ({ ...packet, timestamp: packet.timestamp + ticks }));
    const out = collect();
    out.add([...before, ...late(key, 9000), ...late(delta, 9000)]);
    expect(out.frames.map(({ codec }) => codec)).toEqual(['VP8', 'H264', 'H264']);
  });

  it('is a gap once, and none where a whole keyframe is there or nothing came before', () => {
    const sources = vp8([true, false, true]);
    const out = collect();
    out.builder.breakOff(false);
    expect([out.builder.waiting, out.gaps]).toEqual([true, []]);
    out.add(sources[0]!.packets);
    out.add(sources[1]!.packets.slice(0, 1));
    out.builder.breakOff(false);
    out.builder.breakOff(false);
    expect([out.builder.discarded, out.builder.bytes, out.gaps]).toEqual([1, 0, [false]]);
    out.add(sources[2]!.packets);
    out.builder.breakOff(true);
    expect([out.frames.length, out.builder.discarded, out.gaps]).toEqual([2, 1, [false, true]]);
  });

  it('may have come before: what was taken back is no frame, nor missed', () => {
    const sources = vp8([true, true]);
    const [first, second] = sources as [SentFrame, SentFrame];
    const out = collect();
    out.add(first.packets.slice(0, 1));
    out.builder.takeBack();
    expect(out.builder.bytes).toBe(0);
    out.add(first.packets);
    checkSound(sources, out.frames);
    expect([out.frames.length, out.builder.discarded, out.gaps]).toEqual([1, 0, []]);
    // Of the next packet nobody knows whether it begins a frame.
    out.builder.takeBack();
    out.add(second.packets.slice(1));
    expect([out.frames.length, out.builder.discarded, out.builder.unreadable]).toEqual([1, 1, 0]);
  });

  it('is a keyframe, if its parameter sets came ahead of it: they are no frame, nor missed', () => {
    const plan = [true, false].map((keyframe) => ({ keyframe, size: 50 }));
    const [key, delta] = sentFrames('H264', plan, 0) as [SentFrame, SentFrame];
    const sets = { ...key.packets[0]!, timestamp: 1, marker: true };
    const out = collect();
    out.add([...key.packets, sets, ...delta.packets]);
    expect([out.frames.length, out.builder.discarded, out.gaps]).toEqual([2, 0, []]);
  });
});

describe('capture times', () => {
  it('are extrapolated by RTP timestamp, until the clock is another', () => {
    const sources = vp8([true, false, false], 20);
    const out = collect();
    for (const [index, { packets }] of sources.entries())
      out.add(packets.map((packet) => ({ ...packet, captureTime: index === 1 ? 1_000_000 : undefined })));
    expect(out.frames.map(({ captureTime }) => captureTime)).toEqual([
      undefined,
      1_000_000,
      1_000_000 + FRAME_TICKS / 90,
    ]);
    out.builder.forgetClock();
    out.add(packetsOf(vp8([true], 20)));
    expect(out.frames).toHaveLength(4);
    expect(out.frames.at(-1)?.captureTime).toBeUndefined();
  });

  it("are the sender's, else an estimate and its error", () => {
    const out = collect({
      estimate: (timestamp) => (timestamp === FRAME_TICKS ? { time: 77, error: 3 } : undefined),
    });
    const told = [undefined, undefined, 5000];
    for (const [n, captureTime] of told.entries())
      out.add(packetsOf(vp8([true], 50)).map((packet) => ({ ...packet, timestamp: n * FRAME_TICKS, captureTime })));
    expect(out.frames.map(({ captureTime, captureTimeError }) => [captureTime, captureTimeError])).toEqual([
      [undefined, undefined],
      [77, 3],
      [5000, undefined],
    ]);
  });
});
