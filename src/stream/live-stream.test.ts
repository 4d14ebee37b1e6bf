import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WorkerInferencer } from '../depth/inferencer.ts';
import { Metrics } from '../metrics/metrics.ts';
import { findModel } from '../model/library.ts';
import { rawPicture } from '../video/index.ts';
import type { DepthSink, SinkListener } from './depth-sink.ts';
import type { FrameSource, SourceListener } from './frame-source.ts';
import type { LiveDepth } from './live-depth.ts';
import { LiveStream } from './live-stream.ts';

const model = findModel('depthcast-nano');
const depth = { sceneCuts: false, gapSeconds: 2 };
const [WIDTH, HEIGHT] = [64, 48];
let inferencers: WorkerInferencer[];
beforeAll(async () => {
  const create = () => WorkerInferencer.create(model, { threads: 1, size: 160 });
  inferencers = [await create(), await create()];
}, 60_000);
afterAll(() => Promise.all(inferencers.map((one) => one.close())));

/** A source of a kind that the stream has never heard of: gives a picture whenever it is told to. */
class Pulled implements FrameSource {
  readonly codec = 'pulled';
  #listener: SourceListener | undefined;
  closed = 0;
  start(listener: SourceListener): void {
    this.#listener = listener;
  }
  picture(n: number, show = n, change: (planes: Uint8Array) => void = () => {}): void {
    const planes = Uint8Array.from({ length: (WIDTH * HEIGHT * 3) / 2 }, (_, i) => (i * (show + 3)) % 200);
    change(planes);
    this.#listener?.picture(rawPicture(planes, WIDTH, HEIGHT, 3000 * n), { assemble: 1, decode: 2 });
  }
  close(): void {
    this.closed++;
  }
}

/** And such a sink: keeps what it is given. */
class Recorder implements DepthSink {
  readonly name = 'recorder';
  readonly about = 'depth';
  readonly receivers = 1;
  readonly #listener: SinkListener;
  readonly maps: { epoch: number; frameId: number; rtpTimestamp: number; finite: boolean }[] = [];
  readonly reused: boolean[] = [];
  readonly widths: [width: number, reduced: boolean][] = [];
  closed = 0;
  constructor(listener: SinkListener) {
    this.#listener = listener;
  }
  push({ info, map }: LiveDepth): void {
    if (info.rtpTimestamp === 0) {
      this.#listener.failed(new Error('the disk is full'));
      return;
    }
    const { epoch, frameId, rtpTimestamp, reused = false, reduced = false } = info;
    this.widths.push([map.width, reduced]);
    this.reused.push(reused);
    this.maps.push({ epoch, frameId, rtpTimestamp, finite: map.values.every(Number.isFinite) });
    this.#listener.sent({ encode: 3, send: 4, bytes: 1000, latency: 5 });
  }
  close(): void {
    this.closed++;
  }
}

async function open({ still = false, gapSeconds = 2, size = 160 } = {}) {
  const metrics = new Metrics({ version: 'test', model: 'none', device: 'none' });
  const stream = new LiveStream({
    name: 'test',
    inferencer: inferencers[0]!,
    size,
    metrics,
    depth: { ...depth, gapSeconds },
    still,
  });
  const source = new Pulled();
  stream.attach(source);
  const sink = stream.add((listener) => new Recorder(listener));
  const made = (count: number) => vi.waitFor(() => expect(stream.frames).toBe(count), 20_000);
  return { metrics, stream, source, sink, made };
}

it('takes any source and any sink, and tells what each frame cost and what failed', async () => {
  const { metrics, stream, source, sink, made } = await open();
  const troubles: unknown[] = [];
  stream.on('trouble', ({ message }, about) => troubles.push([message, about]));
  expect(stream.watched).toBe(true);
  for (let n = 0; n < 3; n++) {
    source.picture(n);
    await made(n + 1);
  }
  expect(sink.maps).toEqual([1, 2].map((n) => ({ epoch: 0, frameId: n, rtpTimestamp: 3000 * n, finite: true })));
  expect(troubles).toEqual([[expect.stringContaining('the disk is full'), 'depth']]);
  const { stages, latency } = stream.stats.report(0);
  expect(stages).toMatchObject({ assemble: 1, decode: 2, encode: 3, send: 4 });
  expect(stages.postprocess).toBeGreaterThan(0);
  expect(latency.p50).toBe(5);
  expect(await metrics.registry.metrics()).toMatch(/depthcast_frame_latency_seconds_count\{output="recorder"\} 2/);
  stream.remove(sink);
  expect([stream.watched, sink.closed]).toEqual([false, 1]);
  stream.close('test');
  expect([source.closed, sink.closed]).toEqual([1, 1]);
});

it('continues with another network in a new epoch, and counts the outcome of the frame in flight', async () => {
  const { stream, source, sink, made } = await open();
  source.picture(1);
  await made(1);
  source.picture(2);
  stream.setInferencer(inferencers[1]!, 160);
  await vi.waitFor(() => expect(stream.stats.totals.dropped).toEqual({ model: 1 }), 20_000);
  source.picture(3);
  await made(2);
  expect(sink.maps.map(({ epoch, rtpTimestamp }) => [epoch, rtpTimestamp])).toEqual([
    [0, 3000],
    [1, 9000],
  ]);
  source.picture(4);
  stream.close('test');
  await vi.waitFor(() => expect(stream.stats.totals.dropped).toEqual({ model: 1, closed: 1 }), 20_000);
  const { arrived, depth: maps, dropped } = stream.stats.totals;
  expect(maps + Object.values(dropped).reduce((a, b) => a + b, 0)).toBe(arrived);
});

it('tells of a killed worker once, counts each frame that it costs, and goes on in the next epoch', async () => {
  const { metrics, stream, source, sink, made } = await open();
  const troubles: string[] = [];
  stream.on('trouble', ({ code }) => troubles.push(code));
  source.picture(1);
  await made(1);
  await inferencers[0]!.kill();
  for (let n = 2; stream.frames === 1; n++) {
    source.picture(n);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const failed = stream.stats.totals.dropped['WORKER_DIED']!;
  expect(failed).toBeGreaterThan(0);
  expect(troubles).toEqual(['WORKER_DIED']);
  expect(await metrics.registry.metrics()).toMatch(`depthcast_rejected_total{code="WORKER_DIED"} ${failed}`);
  // A slow machine still has a picture to make then.
  expect([...new Set(sink.maps.map(({ epoch }) => epoch))]).toEqual([0, 1]);
  stream.close('test');
});

it('needs no network for pictures that do not change, but for one a second, and says so', async () => {
  const { metrics, stream, source, sink, made } = await open({ still: true, gapSeconds: 0.5 });
  let n = 1;
  const show = async (count: number, change?: (planes: Uint8Array) => void) => {
    for (let i = 0; i < count; i++, n++) {
      source.picture(n, 0, change);
      await made(n);
    }
    return sink.reused.splice(0);
  };
  const reused = (flags: boolean[]) => flags.filter(Boolean).length;
  const ages = await show(80);
  expect(ages.slice(0, 8)).not.toContain(true);
  expect(reused(ages)).toBeGreaterThanOrEqual(60);
  // 72 pictures of 1/30 s after the first eight: two of them went to the network again.
  expect(ages.slice(8).filter((again) => !again)).toHaveLength(2);
  // A hundredth of the picture is a little brighter; and then is not.
  const patch = (planes: Uint8Array) => {
    for (let y = 20; y < 26; y++) for (let x = 30; x < 36; x++) planes[y * WIDTH + x]! += 12;
  };
  expect(await show(3, patch)).toEqual([false, true, true]);
  expect(await show(2)).toEqual([false, true]);
  // A request for a new epoch, or for another range, is not answered with an old map.
  stream.reset();
  expect(await show(1)).toEqual([false]);
  // Pictures that were like the one before are no gap, even where gapSeconds is less than what depth is reused for.
  expect(new Set(sink.maps.map(({ epoch }) => epoch))).toEqual(new Set([0, 1]));
  const { arrived, depth: maps, reused: again } = stream.stats.totals;
  expect([arrived, maps, again]).toEqual([n - 1, n - 1, reused(ages) + 3]);
  const text = await metrics.registry.metrics();
  expect(text).toMatch(`depthcast_frames_total{outcome="reused"} ${again}`);
  expect(text).toMatch(`depthcast_frames_total{outcome="depth"} ${maps - again}`);
  stream.close('test');
});

it('gives up what it holds of a map when depth is not to be reused any more', async () => {
  const { stream, source, sink, made } = await open({ still: true });
  for (let n = 1; n <= 12; n++) {
    source.picture(n, 0);
    await made(n);
  }
  stream.setStill(false);
  source.picture(13, 0);
  await made(13);
  expect(sink.reused.slice(8)).toEqual([true, true, true, true, false]);
  stream.close('test');
});

it('makes its network smaller and larger within an epoch, and says so; a size that is asked for begins a new one', async () => {
  const { stream, source, sink, made } = await open({ size: 256 });
  let n = 0;
  const next = async () => {
    source.picture(++n);
    await made(n);
    return [...sink.widths.at(-1)!, sink.maps.at(-1)!.epoch];
  };
  expect(await next()).toEqual([256, false, 0]);
  stream.reduce(2);
  expect(stream.size).toEqual({ now: 192, asked: 256 });
  expect([await next(), await next()]).toEqual([
    [192, true, 0],
    [192, true, 0],
  ]);
  stream.reduce(9);
  expect(await next()).toEqual([160, true, 0]);
  stream.reduce(0);
  expect([await next(), await next()]).toEqual([
    [256, false, 0],
    [256, false, 0],
  ]);
  stream.setSize(192);
  expect(await next()).toEqual([192, false, 1]);
  stream.reduce(1);
  expect(await next()).toEqual([160, true, 1]);
  stream.close('test');
});
