import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { nanoImages, tinyCheckpoint, tinyImages } from '../../../test/support/engine-cases.ts';
import { describeEngine } from '../../../test/support/engine-contract.ts';
import { TINY_CONFIG } from '../../../test/support/formula.ts';
import { shiftingWindow } from '../../../test/support/shifting-window.ts';
import { StreamRunner } from '../../../test/support/stream.ts';
import { GraphCache } from '../../model/graph-cache.ts';
import { findModel, type InstalledModel } from '../../model/library.ts';
import { cpuProvider } from './cpu.ts';

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
