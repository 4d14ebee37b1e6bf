import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { formulaCheckpoint } from '../../../test/support/checkpoint.ts';
import { describeEngine } from '../../../test/support/engine-contract.ts';
import { formulaFrame, networkInput, TINY, TINY_CONFIG } from '../../../test/support/formula.ts';
import { shiftingWindow } from '../../../test/support/shifting-window.ts';
import { StreamRunner } from '../../../test/support/stream.ts';
import { GraphCache } from '../../model/graph-cache.ts';
import { findModel, type InstalledModel } from '../../model/library.ts';
import { modelFolder } from '../../model/store/folder.ts';
import { createScene } from '../../scene/scene.ts';
import { cpuProvider } from './cpu.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-cpu-engine-'));
afterAll(() => rmSync(folder, { recursive: true }));

const prepare = (model: InstalledModel) => (size: { width: number; height: number }) =>
  cpuProvider.prepare(model, new GraphCache(model.graphs), { ...size, threads: 1 });

const nano = findModel('depthcast-nano');
const nanoSize = { width: 96, height: 64 };
const { mean, std } = nano.manifest.normalise;
const room = createScene('room', nanoSize);
const nanoImages = Array.from({ length: 17 }, (_, frame) => {
  const { rgba } = room.render(frame / 15);
  const plane = nanoSize.width * nanoSize.height;
  return Float32Array.from({ length: 3 * plane }, (_, i) => {
    const c = Math.floor(i / plane);
    return (rgba[4 * (i % plane) + c]! / 255 - mean[c]!) / std[c]!;
  });
});

describeEngine('the CPU engine with the embedded network', {
  prepare: prepare(nano),
  size: nanoSize,
  otherSize: { width: 64, height: 96 },
  images: nanoImages,
  expected: () => shiftingWindow(nano, nanoImages, nanoSize.width, nanoSize.height),
  tolerance: 1e-5,
});

// A Video Depth Anything network: an anchored window of 32 with a delay line, int-sized caches, one graph for a size.
writeFileSync(join(folder, 'tiny.pth'), formulaCheckpoint(TINY));
const found = findModel(join(folder, 'tiny.pth'), { store: modelFolder(join(folder, 'cache')) });
const tiny = { ...found, manifest: { ...found.manifest, network: TINY_CONFIG } } as InstalledModel;
const tinySize = { width: 56, height: 42 };
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const tinyImages = Array.from({ length: 50 }, (_, t) =>
  networkInput(formulaFrame(t, 64, 48), { width: 64, height: 48 }, tinySize, imagenet),
);

describeEngine('the CPU engine with a checkpoint', {
  prepare: prepare(tiny),
  size: tinySize,
  images: tinyImages,
  expected: async () => {
    const request = { checkpoint: tiny.file, kind: 'stream', ...tinySize, precision: 'float32' } as const;
    const graph = await new GraphCache(tiny.graphs).get({ ...request, config: TINY_CONFIG });
    const runner = await StreamRunner.open(graph, tiny.manifest.window);
    const maps: Float32Array[] = [];
    for (const image of tinyImages)
      maps.push((await runner.run(image, [1, 3, tinySize.height, tinySize.width])).depth.slice());
    await runner.close();
    return maps;
  },
  tolerance: 1e-5,
});
