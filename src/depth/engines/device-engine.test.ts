import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { nanoImages, tinyGraph, tinyImages } from '../../../test/support/engine-cases.ts';
import { describeEngine } from '../../../test/support/engine-contract.ts';
import { shiftingWindow } from '../../../test/support/shifting-window.ts';
import { StreamRunner } from '../../../test/support/stream.ts';
import { GraphCache } from '../../model/graph-cache.ts';
import { findModel } from '../../model/library.ts';
import { cpuProvider } from './cpu.ts';
import { DeviceEngine } from './device-engine.ts';
import { NodeRuntime } from './node-runtime.ts';

// The engine of devices on the device that every machine has: its memory is this process's, its runs are the CPU's.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-device-engine-'));
afterAll(() => rmSync(folder, { recursive: true }));
const onCpu = () => new NodeRuntime('cpu', { threads: 1 });

const nano = findModel('depthcast-nano');
const nanoSize = { width: 64, height: 64 };
const pictures = nanoImages(nano, nanoSize, 17);
describeEngine('the device engine with the embedded network', {
  prepare: () => DeviceEngine.load(nano.manifest, onCpu(), nano.file),
  size: nanoSize,
  otherSize: { width: 64, height: 96 },
  images: pictures,
  expected: () => shiftingWindow(nano, pictures, nanoSize.width, nanoSize.height),
  tolerance: 1e-5,
});

const size = { width: 28, height: 28 };
const images = tinyImages(size, 46);
const graphOf = (target: 'portable' | 'resident') => {
  const home = join(folder, target);
  mkdirSync(home, { recursive: true });
  return tinyGraph(home, size, target);
};
const portable = graphOf('portable');
const rings = graphOf('resident');
const expected = async () => {
  const runner = await StreamRunner.open(portable.file, portable.manifest.window);
  const maps: Float32Array[] = [];
  for (const image of images) maps.push((await runner.run(image, [1, 3, size.height, size.width])).depth.slice());
  await runner.close();
  return maps;
};

describeEngine('the device engine with rings that the graph writes', {
  prepare: () => DeviceEngine.load(rings.manifest, onCpu(), rings.file),
  size,
  images,
  expected,
  tolerance: 2e-5,
});

describeEngine('the device engine with states and a delay line', {
  prepare: () => DeviceEngine.load(portable.manifest, onCpu(), portable.file),
  size,
  images,
  expected,
  tolerance: 2e-5,
});

it('copies the picture up, the map and the feature down, whatever the window', async () => {
  for (const model of [portable, rings]) {
    const engine = await DeviceEngine.load(model.manifest, onCpu(), model.file);
    const state = await engine.createState(size);
    const depth = new Float32Array(28 * 28);
    for (const image of images.slice(0, 5)) await state.run(image, depth);
    const { frames, up, down, control } = engine.traffic;
    expect({ frames, up, down }).toEqual({ frames: 5, up: 5 * 3 * 28 * 28 * 4, down: 5 * (28 * 28 + 96) * 4 });
    expect(control / frames).toBeLessThan(1000);
    state.dispose();
    await engine.release();
  }
});

it('runs a graph of the second form on the CPU too, and refuses states in integers on a device', async () => {
  const engine = await cpuProvider.prepare(rings, new GraphCache(rings.graphs), { ...size, threads: 1 });
  const state = await engine.createState(size);
  const depth = new Float32Array(28 * 28);
  await state.run(images[0]!, depth);
  expect(engine.capabilities.kind).toBe('cpu');
  await engine.release();
  const home = join(folder, 'cpu');
  mkdirSync(home);
  const steps = tinyGraph(home, size, 'cpu');
  await expect(DeviceEngine.load(steps.manifest, onCpu(), steps.file)).rejects.toThrow(/c0 is int16/);
});
