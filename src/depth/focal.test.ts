import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeFocalModel } from '../../test/support/focal-model.ts';
import { writeLumaModel } from '../../test/support/luma-model.ts';
import { GraphCache } from '../model/graph-cache.ts';
import { findModel, type InstalledModel } from '../model/library.ts';
import type { Engine } from './engine.ts';
import { checkContract } from './engines/contract.ts';
import { cpuProvider } from './engines/cpu.ts';
import { DeviceEngine } from './engines/device-engine.ts';
import { NodeRuntime } from './engines/node-runtime.ts';
import { assumedFocal, focalOf } from './focal.ts';
import { WorkerInferencer } from './inferencer.ts';

const size = { width: 32, height: 16 };
const folder = mkdtempSync(join(tmpdir(), 'depthcast-focal-'));
afterAll(() => rmSync(folder, { recursive: true }));
const model = findModel(writeFocalModel(folder, size.width, size.height));
const toys = ([writeFocalModel, writeLumaModel] as const).flatMap((write) =>
  (['metres', 'disparity'] as const).map((unit) => {
    const own = mkdtempSync(join(folder, 'toy-'));
    return [write === writeFocalModel, unit, findModel(write(own, size.width, size.height, unit))] as const;
  }),
);

it('scales a camera with its picture, each axis by itself', () => {
  expect(focalOf({ fx: 600, fy: 500 }, { width: 640, height: 480 }, { width: 256, height: 160 })).toEqual({
    x: 240,
    y: 500 / 3,
  });
});

it('assumes 65 degrees across the longer side', () => {
  const { x, y } = assumedFocal({ width: 192, height: 256 });
  expect(x).toBe(y);
  expect((2 * Math.atan(128 / x) * 180) / Math.PI).toBeCloseTo(65);
});

const engines: [name: string, prepare: (model: InstalledModel) => Promise<Engine>][] = [
  ['the CPU engine', (one) => cpuProvider.prepare(one, new GraphCache(one.graphs), { ...size, threads: 1 })],
  ['the device engine', (one) => DeviceEngine.load(one.manifest, new NodeRuntime('cpu', { threads: 1 }), one.file)],
];

describe.each(engines)('%s', (_, prepare) => {
  it.each(toys)(
    'says whether a network goes by the camera (%s), whatever its values are (%s)',
    async (uses, _, toy) => {
      const engine = await prepare(toy);
      expect(engine.capabilities.usesCamera).toBe(uses);
      await engine.release();
    },
  );

  it('gives a network that asks for it what is told of the camera, frame by frame, else what is assumed', async () => {
    const engine = await prepare(model);
    const state = await engine.createState(size);
    const image = new Float32Array(3 * 32 * 16).fill(0.5, 0, 32 * 16);
    const depth = new Float32Array(32 * 16);
    await state.run(image, depth, { x: 20, y: 30 });
    expect(depth).toEqual(new Float32Array(32 * 16).fill(10));
    await state.run(image, depth, { x: 40, y: 31 });
    expect(depth).toEqual(new Float32Array(32 * 16).fill(20 + 30));
    await state.run(image, depth);
    expect(depth[0]).toBeCloseTo(assumedFocal(size).x / 2 + 31, 4);
    state.dispose();
    await engine.release();
  });
});

it('carries it to the thread of the network', async () => {
  const inferencer = await WorkerInferencer.create(model, { threads: 1 });
  expect(inferencer.usesCamera).toBe(true);
  const stream = inferencer.open({ gapSeconds: 10 });
  const first = async (focal?: { x: number; y: number }) => {
    const input = stream.takeInput(size.width, size.height);
    input.data.fill(0.5);
    stream.reset();
    const map = await stream.infer({ ...input, focal }, 0);
    return map.values[0];
  };
  expect(await first({ x: 7, y: 1 })).toBe(3.5);
  expect(await first()).toBeCloseTo(assumedFocal(size).x / 2, 4);
  await inferencer.close();
});

it('refuses a graph that asks for a focal length of another shape', () => {
  const axis = (name: string, type: string, ...shape: number[]) => ({ name, type, shape });
  const inputs = (focal: ReturnType<typeof axis>) => [
    axis('image', 'float32', 1, 3, 16, 32),
    axis('slots', 'int64', 2),
    axis('mask', 'float32', 2),
    focal,
  ];
  const outputs = [axis('depth', 'float32', 1, 16, 32)];
  const check = (focal: ReturnType<typeof axis>) => checkContract(model.manifest, { inputs: inputs(focal), outputs });
  expect(check(axis('focal', 'float32', 2)).focal).toBe(true);
  expect(() => check(axis('focal', 'float32', 1))).toThrow(/focal holds 1 numbers/);
  expect(() => check(axis('focal', 'int64', 2))).toThrow(/focal is int64/);
});
