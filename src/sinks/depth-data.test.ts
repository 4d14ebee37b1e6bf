import { expect, it } from 'vitest';
import { pictureOf } from '../../test/pictures.ts';
import { depthInfo } from '../../test/support/depth-info.ts';
import { Metrics } from '../metrics/metrics.ts';
import { type DepthFormat, type DepthFrame, decodeFrame, Reassembler } from '../protocol/index.ts';
import type { Upsampling } from '../protocol/output.ts';
import { LiveDepth } from '../stream/live-depth.ts';
import type { DataChannel } from '../webrtc/index.ts';
import { DepthData } from './depth-data.ts';

const [W, H] = [48, 32];
const metrics = new Metrics({ version: 'test', model: 'none', device: 'none' });

/** A channel that a client reads, and that may fall behind. */
class Channel {
  bufferedAmount = 0;
  readonly protocol: string;
  readonly frames: Promise<DepthFrame>[] = [];
  readonly reassembler = new Reassembler();
  readonly versions: number[] = [];
  constructor(protocol = '') {
    this.protocol = protocol;
  }
  send(chunk: Uint8Array): boolean {
    const packet = this.reassembler.push(chunk);
    if (packet) this.versions.push(packet[4]!);
    if (packet) this.frames.push(decodeFrame(packet));
    return true;
  }
}

const asChannel = (channel: Channel) => channel as unknown as DataChannel;

function open(format: DepthFormat): {
  data: DepthData;
  push(n: number, of?: { n: number; origin: object }): Promise<void>;
  released: () => number;
} {
  let released = 0;
  const listener = { sent: () => {}, failed: (error: Error) => expect.unreachable(error.message) };
  const data = new DepthData({ format, size: 'network', maxSide: 1280, steps: 4095, metrics }, listener);
  /** Until the map is sent or passed over: it is released then, either way. */
  const push = (n: number, of?: { n: number; origin: object }): Promise<void> =>
    new Promise((resolve) => {
      const values = Float32Array.from({ length: W * H }, (_, i) => (of?.n ?? n) + (i % W) / W);
      const info = { ...depthInfo(n, W, H), near: n + 1, far: n };
      const release = () => {
        released++;
        resolve();
      };
      const map = { values, width: W, height: H, origin: of?.origin, release } as never;
      const depth = new LiveDepth(map, info, performance.now());
      data.push(depth);
      depth.release();
    });
  return { data, push, released: () => released };
}

it('sends every map whole, to the chosen precision, with its latency', async () => {
  const { data, push, released } = open('u16');
  const channel = new Channel();
  data.add(asChannel(channel));
  for (let n = 0; n < 3; n++) await push(n);
  const frames = await Promise.all(channel.frames);
  expect(frames.map(({ rtpTimestamp }) => rtpTimestamp)).toEqual([0, 3000, 6000]);
  for (const [n, { values, latency }] of frames.entries()) {
    expect(latency).toBeGreaterThan(0);
    const errors = values.map((value, i) => Math.abs(value - (n + (i % W) / W)));
    expect(Math.max(...errors)).toBeLessThan(1 / 4095);
  }
  expect(released()).toBe(3);
});

it('passes over a channel that still holds the last frame, and counts it; the others get theirs', async () => {
  const { data, push } = open('u8');
  const [quick, slow] = [new Channel(), new Channel()];
  data.add(asChannel(quick));
  data.add(asChannel(slow));
  const dropped = async () =>
    (await metrics.channelFrames.get()).values.find(({ labels }) => labels.outcome === 'dropped')?.value ?? 0;
  const before = await dropped();
  await push(0);
  slow.bufferedAmount = 5000;
  await push(1);
  slow.bufferedAmount = 0;
  await push(2);
  const ids = async (channel: Channel) => (await Promise.all(channel.frames)).map(({ frameId }) => frameId);
  expect(await ids(quick)).toEqual([0, 1, 2]);
  expect(await ids(slow)).toEqual([0, 2]);
  expect((await dropped()) - before).toBe(1);
});

it('goes on counting packets when a channel changes its format, so that none counts as late', async () => {
  const [first, second] = [open('none'), open('u16')];
  const channel = new Channel();
  first.data.add(asChannel(channel));
  for (let n = 0; n < 5; n++) await first.push(n);
  first.data.remove(asChannel(channel));
  second.data.add(asChannel(channel));
  for (let n = 5; n < 8; n++) await second.push(n);
  const frames = await Promise.all(channel.frames);
  expect(frames.map(({ frameId }) => frameId)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(channel.reassembler.stats.stale).toBe(0);
});

it('gives each channel the packets that it reads: version 1 to clients of before', async () => {
  const { data, push } = open('u16');
  const channels = ['depthcast-2', '', 'depthcast-2', 'depthcast-7'].map((protocol) => new Channel(protocol));
  for (const channel of channels) data.add(asChannel(channel));
  await push(0);
  await push(1);
  expect(channels.map(({ versions }) => versions)).toEqual([
    [2, 2],
    [1, 1],
    [2, 2],
    [2, 2],
  ]);
  const [now, old] = await Promise.all(channels.slice(0, 2).map(({ frames }) => frames[1]!));
  expect(now!.values).toEqual(old!.values);
});

it('sends a map that stands for several frames with each of them, and never that of another', async () => {
  const { data, push } = open('u16');
  const channel = new Channel();
  data.add(asChannel(channel));
  const [one, other] = [
    { n: 1, origin: {} },
    { n: 5, origin: {} },
  ];
  await push(1, one);
  await push(2, one);
  await push(3);
  await push(4, one);
  // The channel was behind when the next map came: what was packed last is not its.
  channel.bufferedAmount = 1;
  await push(5, other);
  channel.bufferedAmount = 0;
  await push(6, other);
  const frames = await Promise.all(channel.frames);
  expect(frames.map(({ frameId }) => frameId)).toEqual([1, 2, 3, 4, 6]);
  expect(frames.map(({ values }) => Math.round(values[0]!))).toEqual([1, 1, 3, 1, 5]);
});

it.each<[Upsampling, number, number]>([
  // A step of depth beside the edge of colour, which lies between two pixels of the map: interpolated over five pixels, or steep.
  ['off', 1280, 5],
  ['fast', 1280, 3],
  ['best', 96, 2],
])(
  'sends maps of the size of their pictures, enlarged (%s), none larger than is allowed (%i)',
  async (upsampling, maxSide, width) => {
    const listener = { sent: () => {}, failed: (error: Error) => expect.unreachable(error.message) };
    const data = new DepthData({ format: 'f16', size: 'picture', maxSide, steps: 4095, metrics }, listener);
    const channel = new Channel('depthcast-2');
    data.add(asChannel(channel));
    const source = { sourceWidth: 4 * W, sourceHeight: 4 * H };
    const edge = 2 * W + 1;
    const picture = pictureOf({ width: 4 * W, height: 4 * H, at: (x) => [x < edge ? 60 : 200, 128, 128] });
    const values = Float32Array.from({ length: W * H }, (_, i) => (i % W < W / 2 ? 0.25 : 0.75));
    const info = {
      frameId: 7,
      epoch: 0,
      rtpTimestamp: 1,
      width: W,
      height: H,
      ...source,
      unit: 'disparity' as const,
      near: 1,
      far: 0,
    };
    const origin = {};
    for (let n = 0; n < 2; n++)
      await new Promise<void>((release) => {
        const map = { values, width: W, height: H, origin, release } as never;
        // A map that stands for two frames is enlarged once.
        const depth = new LiveDepth(
          map,
          info,
          undefined,
          undefined,
          undefined,
          n === 0 ? { picture, upsampling } : undefined,
        );
        data.push(depth);
        depth.release();
      });
    const [frame, again] = await Promise.all(channel.frames);
    const scale = Math.min(1, maxSide / (4 * W));
    expect(frame).toMatchObject({ ...source, width: 4 * W * scale, height: 4 * H * scale });
    const row = [...frame!.values.subarray(frame!.width * 20, frame!.width * 21)];
    expect(row[0]).toBeCloseTo(0.25, 3);
    expect(row.at(-1)).toBeCloseTo(0.75, 3);
    expect(row.filter((value) => value > 0.3 && value < 0.7).length).toBeLessThanOrEqual(width);
    expect(again!.values).toEqual(frame!.values);
    data.close();
  },
);
