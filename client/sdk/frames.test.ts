import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { chunk, encodeFrame } from '../../src/protocol/index.ts';
import type { DepthFrameInfo } from '../../src/protocol/types.ts';
import { FrameReader, type ReceivedFrame } from './frames.ts';

const deflate = promisify<Uint8Array, Buffer>(deflateRaw);
const [width, height] = [64, 48];
const values = Float32Array.from({ length: width * height }, (_, i) => Math.sin(i / 100));

async function messages(frameId: number, maxChunk = 700): Promise<Uint8Array[]> {
  const size = { width, height, sourceWidth: 640, sourceHeight: 480 };
  const info: DepthFrameInfo = {
    frameId,
    epoch: 3,
    rtpTimestamp: frameId * 3000,
    ...size,
    unit: 'disparity',
    near: 1,
    far: -1,
  };
  return chunk(await encodeFrame(info, values, 'u16', deflate), frameId, maxChunk);
}

function collect() {
  const frames: ReceivedFrame[] = [];
  let wake = () => {};
  const reader = new FrameReader((frame) => {
    frames.push(frame);
    wake();
  });
  const until = async (count: number) => {
    while (frames.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { frames, reader, until };
}

describe('FrameReader', () => {
  it('puts frames together from chunks in any order and unpacks them', async () => {
    const { frames, reader, until } = collect();
    const first = await messages(0);
    expect(first.length).toBeGreaterThan(2);
    for (const message of first.reverse()) reader.push(message);
    await until(1);
    expect(frames[0]).toMatchObject({ frameId: 0, epoch: 3, format: 'u16', width, height });
    for (let i = 0; i < values.length; i += 97) expect(frames[0]!.values[i]).toBeCloseTo(values[i]!, 4);
    expect(reader.counters).toMatchObject({ received: 1, incomplete: 0, malformed: 0 });
    expect(reader.counters.bytes).toBe(first.reduce((sum, m) => sum + m.length, 0));
  });

  it('unpacks at most one frame and keeps only the newest that waits', async () => {
    const { frames, reader, until } = collect();
    const all = await Promise.all([0, 1, 2, 3, 4, 5].map((id) => messages(id, 16_384)));
    for (const message of all.slice(0, 5).flat()) reader.push(message);
    await until(2);
    expect(frames.map(({ frameId }) => frameId)).toEqual([0, 4]);
    expect(reader.counters.skipped).toBe(3);
    for (const message of all[5]!) reader.push(message);
    await until(3);
    expect(frames.map(({ frameId }) => frameId)).toEqual([0, 4, 5]);
    expect(reader.counters).toMatchObject({ received: 3, skipped: 3 });
  });

  it('counts lost chunks and rubbish, and goes on', async () => {
    const { frames, reader, until } = collect();
    const [, ...incomplete] = await messages(0);
    for (const message of incomplete) reader.push(message);
    reader.push(Uint8Array.of(1, 2, 3));
    for (const message of chunk(new Uint8Array(100), 1)) reader.push(message);
    for (const message of await messages(2)) reader.push(message);
    await until(1);
    expect(frames[0]!.frameId).toBe(2);
    expect(reader.counters).toMatchObject({ received: 1, incomplete: 1, malformed: 2 });
    reader.push(incomplete[0]!);
    expect(reader.counters.late).toBe(1);
  });

  it('delivers nothing after close', async () => {
    const { frames, reader } = collect();
    const open = collect();
    const all = await messages(0);
    for (const message of all) reader.push(message);
    reader.close();
    const more = await messages(1);
    for (const message of more) reader.push(message);
    // What another reader was given later has come through the same decompression.
    for (const message of more) open.reader.push(message);
    await open.until(1);
    expect(frames).toHaveLength(0);
  });
});
