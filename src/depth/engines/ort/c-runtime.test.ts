import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { describeDeviceEngine, TINY_SIZE as size } from '../../../../test/support/device-cases.ts';
import { GraphCache } from '../../../model/graph-cache.ts';
import { cudaProvider } from '../cuda.ts';
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

const { nano, rings } = describeDeviceEngine("IoBinding by the C API on the CPU's provider", folder, onCpu);

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
