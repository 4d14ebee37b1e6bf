import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { afterAll, expect, it, vi } from 'vitest';
import { nanoImages, tinyCheckpoint, tinyImages } from '../../../test/support/engine-cases.ts';
import { describeEngine } from '../../../test/support/engine-contract.ts';
import { TINY_CONFIG } from '../../../test/support/formula.ts';
import { shiftingWindow } from '../../../test/support/shifting-window.ts';
import { StreamRunner } from '../../../test/support/stream.ts';
import { usableCores } from '../../cgroup.ts';
import { GraphCache } from '../../model/graph-cache.ts';
import { findModel, type InstalledModel } from '../../model/library.ts';
import type { SharedDevice } from '../engine.ts';
import { StreamCount } from '../stream-count.ts';
import { cpuProvider } from './cpu.ts';
import { shareDevice } from './device-memory.ts';
import { QuickerWay } from './quicker-way.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-cpu-engine-'));
afterAll(() => rmSync(folder, { recursive: true }));

const prepare = (model: InstalledModel) => (size: { width: number; height: number }) =>
  cpuProvider.prepare(model, new GraphCache(model.graphs), { ...size, threads: 1 });

const nano = findModel('depthcast-nano');
const nanoSize = { width: 96, height: 64 };
const images = nanoImages(nano, nanoSize, 17);

describeEngine('the CPU engine with the embedded network', {
  prepare: prepare(nano),
  size: nanoSize,
  otherSize: { width: 64, height: 96 },
  images: images,
  expected: () => shiftingWindow(nano, images, nanoSize.width, nanoSize.height),
  tolerance: 1e-5,
});

it('runs frames on more threads while the cores have room for that, whose maps and memory are the same bit for bit', async () => {
  const shared = shareDevice();
  const streams = new StreamCount(shared.streams);
  const threadsAlone = usableCores();
  const graphs = new GraphCache(nano.graphs);
  const engine = await cpuProvider.prepare(nano, graphs, { ...nanoSize, threads: 1, threadsAlone, shared });
  const plain = await prepare(nano)(nanoSize);
  const device = `CPU, 1 thread (${threadsAlone} for a stream alone)`;
  expect(engine.capabilities).toMatchObject({ threads: 1, threadsAlone, device });
  expect(plain.capabilities).toMatchObject({ threadsAlone: undefined, device: 'CPU, 1 thread' });
  const [state, other] = [await engine.createState(nanoSize), await plain.createState(nanoSize)];
  const [map, expected] = [0, 1].map(() => new Float32Array(nanoSize.width * nanoSize.height)) as [
    Float32Array,
    Float32Array,
  ];
  // Timed are frames of a stream that has the cores to itself.
  const timed = vi.spyOn(QuickerWay.prototype, 'took');
  const gain = vi.spyOn(QuickerWay.prototype, 'gain', 'get').mockReturnValue(1.5);
  for (const [more, times] of [
    [1, 40],
    [1, 0],
    [5, 0],
    [-6, 40],
  ] as const) {
    streams.add(more);
    timed.mockClear();
    const factors = new Set<number | undefined>();
    for (let n = 0; n < 40; n++) {
      await state.run(images[n % images.length]!, map);
      factors.add(state.sharedFactor);
      await other.run(images[n % images.length]!, expected);
      expect(map).toEqual(expected);
    }
    expect(timed).toHaveBeenCalledTimes(times);
    // The very first are on all threads, however long that takes; beside others a frame takes what it takes.
    if (times === 0) expect(factors).toEqual(new Set([1]));
    else if (more > 0) expect(factors).toContain(1.5);
  }
  timed.mockRestore();
  gain.mockRestore();
  state.dispose();
  other.dispose();
  await engine.release();
  await plain.release();
});

/** An engine that runs its frames on further threads: the one stream of its process. */
async function alone() {
  const shared = shareDevice();
  new StreamCount(shared.streams).add(1);
  const options = { ...nanoSize, threads: 1, threadsAlone: usableCores(), shared };
  return cpuProvider.prepare(nano, new GraphCache(nano.graphs), options);
}

it('learns which way is quicker for each size by itself, when frames of two sizes take turns', async () => {
  const engine = await alone();
  const other = { width: 64, height: 64 };
  const streams = await Promise.all(
    [nanoSize, other].map(async (size) => ({
      state: await engine.createState(size),
      image: new Float32Array(3 * size.width * size.height).map((_, i) => Math.sin(i * 0.01)),
      map: new Float32Array(size.width * size.height),
    })),
  );
  const took = vi.spyOn(QuickerWay.prototype, 'took');
  for (let n = 0; n < 20; n++) for (const { state, image, map } of streams) await state.run(image, map);
  const choices = new Set(took.mock.contexts as QuickerWay[]);
  expect(choices.size).toBe(2);
  // A trial of the plain way comes at the sixteenth frame, unless a change of size begins anew: then never.
  for (const choice of choices) expect(took.mock.contexts.filter((context) => context === choice)).toHaveLength(20);
  took.mockRestore();
  for (const { state } of streams) state.dispose();
  await engine.release();
});

it('gives further threads up that fail at a frame, which is told, and goes on with one', async () => {
  const engine = await alone();
  const state = await engine.createState(nanoSize);
  const map = new Float32Array(nanoSize.width * nanoSize.height);
  const took = vi.spyOn(QuickerWay.prototype, 'took');
  // A class, which its type does not say.
  const { prototype } = ort.InferenceSession as unknown as { prototype: ort.InferenceSession };
  const run = vi.spyOn(prototype, 'run').mockRejectedValueOnce(new Error('no memory'));
  await expect(state.run(images[0]!, map)).rejects.toThrow('no memory');
  run.mockRestore();
  state.reset();
  for (const image of images.slice(0, 3)) await state.run(image, map);
  expect(took).not.toHaveBeenCalled();
  expect(map.some((value) => value !== 0)).toBe(true);
  took.mockRestore();
  state.dispose();
  await engine.release();
});

it('has one thread for a network that is quick enough, and more for a stream alone where streams are counted', async () => {
  const options = { ...nanoSize, threads: 0 };
  const load = (shared?: SharedDevice) =>
    cpuProvider.prepare(nano, new GraphCache(nano.graphs), { ...options, shared });
  const [counted, uncounted] = [await load(shareDevice()), await load()];
  const cores = usableCores();
  const threadsAlone = cores === 1 ? undefined : Math.min(4, cores);
  expect(counted.capabilities).toMatchObject({ threads: 1, threadsAlone });
  expect(uncounted.capabilities).toMatchObject({ threads: 1, threadsAlone: undefined });
  await counted.release();
  await uncounted.release();
});

// A Video Depth Anything network: an anchored window of 32 with a delay line, int-sized caches, one graph for a size.
const tiny = tinyCheckpoint(folder);
const tinySize = { width: 56, height: 42 };
const frames = tinyImages(tinySize, 50);

describeEngine('the CPU engine with a checkpoint', {
  prepare: prepare(tiny),
  size: tinySize,
  images: frames,
  expected: async () => {
    const request = { checkpoint: tiny.file, kind: 'stream', ...tinySize, precision: 'float32' } as const;
    const graph = await new GraphCache(tiny.graphs).get({ ...request, config: TINY_CONFIG });
    const runner = await StreamRunner.open(graph, tiny.manifest.window);
    const maps: Float32Array[] = [];
    for (const image of frames)
      maps.push((await runner.run(image, [1, 3, tinySize.height, tinySize.width])).depth.slice());
    await runner.close();
    return maps;
  },
  tolerance: 1e-5,
});
