import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { nanoImages, tinyGraph, tinyImages } from '../../../../test/support/engine-cases.ts';
import { describeEngine } from '../../../../test/support/engine-contract.ts';
import { shiftingWindow } from '../../../../test/support/shifting-window.ts';
import { StreamRunner } from '../../../../test/support/stream.ts';
import { GraphCache } from '../../../model/graph-cache.ts';
import { findModel } from '../../../model/library.ts';
import { cudaProvider } from '../cuda.ts';
import { DeviceEngine } from '../device-engine.ts';
import { mayHaveCuda } from '../present.ts';
import { CRuntime } from './c-runtime.ts';
import { OrtLibrary } from './library.ts';

// The binding layer that CUDA runs by, with the CPU's provider of the same library: every call but those that append
// CUDA's provider and name its memory. No NVIDIA device takes part in this.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-c-runtime-'));
afterAll(() => rmSync(folder, { recursive: true }));
const onCpu = () =>
  new CRuntime('cpu', 'CPU by the C API', OrtLibrary.open(), {
    memory: { name: 'Cpu', device: 0 },
    provide() {},
  });

const size = { width: 28, height: 28 };
const images = tinyImages(size, 46);
const graphOf = (target: 'portable' | 'resident') => {
  const home = join(folder, target);
  mkdirSync(home, { recursive: true });
  return tinyGraph(home, size, target);
};
const rings = graphOf('resident');
describeEngine("IoBinding by the C API, on the CPU's provider, with rings that the graph writes", {
  prepare: () => DeviceEngine.load(rings.manifest, onCpu(), rings.file),
  size,
  images,
  expected: async () => {
    const portable = graphOf('portable');
    const runner = await StreamRunner.open(portable.file, portable.manifest.window);
    const maps: Float32Array[] = [];
    for (const image of images) maps.push((await runner.run(image, [1, 3, 28, 28])).depth.slice());
    await runner.close();
    return maps;
  },
  tolerance: 2e-5,
});

const nano = findModel('depthcast-nano');
const nanoSize = { width: 64, height: 64 };
const pictures = nanoImages(nano, nanoSize, 17);
describeEngine("IoBinding by the C API, on the CPU's provider, with the embedded network", {
  prepare: () => DeviceEngine.load(nano.manifest, onCpu(), nano.file),
  size: nanoSize,
  otherSize: { width: 64, height: 96 },
  images: pictures,
  expected: () => shiftingWindow(nano, pictures, nanoSize.width, nanoSize.height),
  tolerance: 1e-5,
});

it('reads names, types and open axes of a graph', async () => {
  const runtime = onCpu();
  const session = await runtime.open(nano.file);
  const image = session.inputs.find(({ name }) => name === 'image');
  expect(image).toMatchObject({ type: 'float32' });
  expect(image?.shape).toHaveLength(4);
  expect(session.inputs.find(({ name }) => name === 'slots')).toMatchObject({ type: 'int64', shape: [8] });
  expect(session.inputs.find(({ name }) => name === 'c0')?.shape[0]).toMatch(/^[A-Z]\d+$/);
  expect(session.outputs.map(({ name }) => name)).toContain('depth');
  await session.release();
  await runtime.release();
});

it('says what a library lacks', async () => {
  expect(() => OrtLibrary.open('/nowhere/libonnxruntime.so')).toThrow(/DEVICE|onnxruntimeLibrary/);
  if (mayHaveCuda()) return;
  const prepared = cudaProvider.prepare(rings, new GraphCache(rings.graphs), { ...size, threads: 1 });
  await expect(prepared).rejects.toMatchObject({ code: 'DEVICE_UNAVAILABLE', message: /CUDA 12, cuDNN 9/ });
});

it('tells a graph that cannot be loaded from one that runs', async () => {
  const runtime = onCpu();
  await expect(runtime.open(join(folder, 'nothing.onnx'))).rejects.toThrow(/nothing\.onnx/);
  await runtime.release();
});
