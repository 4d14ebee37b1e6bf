import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DeviceEngine } from '../../src/depth/engines/device-engine.ts';
import { NodeRuntime } from '../../src/depth/engines/node-runtime.ts';
import { webgpuProvider } from '../../src/depth/engines/webgpu.ts';
import { WorkerInferencer } from '../../src/depth/inferencer.ts';
import { GraphCache } from '../../src/model/graph-cache.ts';
import { needs } from '../support/needs.ts';
import { microModel } from './micro.ts';

// On whatever Vulkan device the environment names: `npm run test:gpu` finds a software one. Times mean nothing there.

const LONG = 600_000;
const folder = mkdtempSync(join(tmpdir(), 'depthcast-gpu-'));
afterAll(() => rmSync(folder, { recursive: true }));
const size = { width: 32, height: 32 };
const model = microModel(folder);
const image = (frame: number) =>
  Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => 0.5 + 0.5 * Math.sin(i / 9 + frame));

it('runs in the depth worker as on the CPU, dies with it, and goes on in a new epoch', { timeout: LONG }, async () => {
  const cpu = await WorkerInferencer.create(model, { threads: 1, yields: false });
  const gpu = await WorkerInferencer.create(model, { device: 'webgpu', yields: false });
  expect(gpu.engine).toMatchObject({ kind: 'webgpu', precision: 'fp32', check: { frames: 4 } });
  expect(gpu.engine!.check!.depth).toBeLessThan(1e-4);
  expect(gpu.engine!.memory!.stream).toBe(2 * 64 * 4 * 32 * 4);
  const streams = [cpu.open({ sceneCuts: false }), gpu.open({ sceneCuts: false })];
  let time = 0;
  const both = async (frame: number) => {
    time += 1 / 30;
    const maps = await Promise.all(
      streams.map((stream) => {
        const input = stream.takeInput(32, 32);
        input.data.set(image(frame));
        return stream.infer(input, time);
      }),
    );
    const [a, b] = maps.map(({ values }) => values.slice()) as [Float32Array, Float32Array];
    for (const map of maps) map.release();
    return { error: a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0), epoch: maps[1]!.epoch };
  };
  for (let frame = 0; frame < 8; frame++) expect((await both(frame)).error).toBeLessThan(1e-4);
  await gpu.kill();
  await expect.poll(() => gpu.alive, { timeout: LONG }).toBe(true);
  streams[0]!.reset();
  for (let frame = 3; frame < 8; frame++) {
    const { error, epoch } = await both(frame);
    expect(error).toBeLessThan(1e-4);
    expect(epoch).toBe(1);
  }
  await gpu.close();
  await cpu.close();
});

it('refuses a backend that computes something else, and says what it gave', {
  timeout: LONG,
}, async () => {
  const wrong = microModel(folder, { fused: true, name: 'fused' });
  const prepared = webgpuProvider.prepare(wrong, new GraphCache(wrong.graphs), { ...size, threads: 1 });
  await expect(prepared).rejects.toMatchObject({
    code: 'BAD_OUTPUT',
    detail: expect.stringMatching(
      /fused, fp32, 32x32 on WebGPU: frame \d of the trial clip: .*\d % of its spread away/,
    ),
  });
});

it('frees what streams hold: 500 are opened and closed on one device', { timeout: LONG }, async () => {
  const engine = await DeviceEngine.load(model.manifest, new NodeRuntime('webgpu'), model.file);
  const depth = new Float32Array(32 * 32);
  const memory: number[] = [];
  for (let cycle = 0; cycle < 500; cycle++) {
    const state = await engine.createState(size);
    if (cycle % 50 === 0) await state.run(image(cycle), depth);
    state.dispose();
    if (cycle % 100 === 99) memory.push(process.memoryUsage().rss);
  }
  expect(engine.liveBytes).toBe(0);
  // A software device's memory is this process's: 500 streams of 64 KiB that stayed would be 32 MiB.
  expect(memory.at(-1)! - memory[1]!).toBeLessThan(16 * 2 ** 20);
  await engine.release();
});

it('refuses a stream that the device has no memory for, and goes on with the others', { timeout: LONG }, async () => {
  const runtime = new NodeRuntime('webgpu');
  const engine = await DeviceEngine.load(model.manifest, runtime, model.file);
  const state = await engine.createState(size);
  const depth = new Float32Array(32 * 32);
  await state.run(image(0), depth);
  // 6 GiB in one piece: more than any device gives at once.
  const huge = runtime.allocate([{ name: 'huge', shape: [1024, 1536, 1024] }]);
  await expect(huge).rejects.toMatchObject({ code: 'BUSY', message: /memory is full/ });
  const before = depth.slice();
  state.reset();
  await state.run(image(0), depth);
  expect(depth).toEqual(before);
  state.dispose();
  await engine.release();
});

describe('a device that is lost', () => {
  const switchFile = process.env['LOSEABLE_LOSE_FILE'];
  it('ends the worker; streams go on on a new one', {
    ...needs(switchFile, 'a C compiler (cc)'),
    timeout: LONG,
  }, async () => {
    const gpu = await WorkerInferencer.create(model, { device: 'webgpu', yields: false });
    const reasons: string[] = [];
    gpu.on('restart', (reason) => reasons.push(reason));
    const stream = gpu.open({ sceneCuts: false });
    const infer = (time: number) => {
      const input = stream.takeInput(32, 32);
      input.data.set(image(time));
      return stream.infer(input, time);
    };
    expect((await infer(0)).epoch).toBe(0);
    writeFileSync(switchFile!, '');
    await expect(infer(0.1)).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    rmSync(switchFile!);
    await expect.poll(() => gpu.restarts > 0 && gpu.alive, { timeout: LONG }).toBe(true);
    const map = await infer(0.2);
    expect(map).toMatchObject({ epoch: 1, reset: 'restart' });
    expect(reasons.join()).toMatch(/lost/i);
    await gpu.close();
  });
});
