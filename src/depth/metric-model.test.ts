import { expect, it } from 'vitest';
import { GraphCache } from '../model/graph-cache.ts';
import { findModel } from '../model/library.ts';
import { createScene } from '../scene/scene.ts';
import { EngineSet } from './engine-set.ts';
import { cpuProvider } from './engines/cpu.ts';
import { DeviceEngine } from './engines/device-engine.ts';
import { NodeRuntime } from './engines/node-runtime.ts';
import { StreamRunner } from './stream-runner.ts';

const [WIDTH, HEIGHT] = [256, 192];
const SMALLER = { width: 192, height: 160 };
const OPTIONS = { range: 'auto', sceneCuts: true, gapSeconds: 2 } as const;

function picture(time: number, { width, height } = { width: WIDTH, height: HEIGHT }): Float32Array {
  const { rgba } = createScene('room', { width, height }).render(time);
  const planes = new Float32Array(3 * width * height);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) planes[c * width * height + i] = rgba[4 * i + c]! / 255;
  return planes;
}

const median = (values: Float32Array) => values.toSorted()[values.length >> 1]!;

it('gives metres by the focal length, and keeps its scale', async () => {
  const engines = await EngineSet.load(findModel('depthcast-nano-metric'), { threads: 1 });
  const medians = async (focal: number, times: readonly number[]) => {
    const stream = new StreamRunner(engines);
    const found: number[] = [];
    for (const [n, time] of times.entries()) {
      const image = { data: picture(time), width: WIDTH, height: HEIGHT, focal: { x: focal, y: focal } };
      const { depth, range } = await stream.infer(image, n / 10, OPTIONS, undefined);
      expect(depth.every((metres) => metres > 0 && metres <= 80.001)).toBe(true);
      expect(range.near).toBeLessThan(range.far);
      found.push(median(depth));
    }
    stream.close();
    return found;
  };
  const still = await medians(200, Array<number>(12).fill(0));
  // A room: neither a table nor a street.
  expect(still[0]).toBeGreaterThan(0.5);
  expect(still[0]).toBeLessThan(20);
  // The network's memory settles; from then on a still picture has one distance.
  expect(Math.abs(Math.log(still[11]! / still[10]!))).toBeLessThan(0.02);
  // The same picture through a longer lens is of things farther away.
  expect((await medians(300, [0]))[0]).toBeGreaterThan(1.05 * still[0]!);
  await engines.release();
});

it('keeps its scale where the network becomes smaller within an epoch', async () => {
  const engines = await EngineSet.load(findModel('depthcast-nano-metric'), { threads: 1 });
  const stream = new StreamRunner(engines);
  const at = async (size: { width: number; height: number }, n: number) => {
    const focal = { x: (200 * size.width) / WIDTH, y: (200 * size.height) / HEIGHT };
    const { depth, reset } = await stream.infer({ data: picture(0, size), ...size, focal }, n / 10, OPTIONS, undefined);
    return { metres: median(depth), reset };
  };
  let before = Number.NaN;
  for (let n = 0; n < 10; n++) before = (await at({ width: WIDTH, height: HEIGHT }, n)).metres;
  await stream.prepare(SMALLER.width, SMALLER.height, true);
  const { metres, reset } = await at(SMALLER, 10);
  expect(reset).toBeUndefined();
  expect(Math.abs(Math.log(metres / before))).toBeLessThan(0.1);
  stream.close();
  await engines.release();
});

it('gives the same on a device engine as on the CPU', async () => {
  const model = findModel('depthcast-nano-metric');
  const engines = [
    await cpuProvider.prepare(model, new GraphCache(model.graphs), { width: WIDTH, height: HEIGHT, threads: 1 }),
    await DeviceEngine.load(model.manifest, new NodeRuntime('cpu', { threads: 1 }), model.file),
  ];
  const [onCpu, onDevice] = await Promise.all(
    engines.map(async (engine) => {
      const state = await engine.createState({ width: WIDTH, height: HEIGHT });
      const depth = new Float32Array(WIDTH * HEIGHT);
      for (let n = 0; n < 4; n++) {
        const image = picture(n / 10).map((value) => (value - 0.45) / 0.25);
        await state.run(image, depth, { x: 200, y: 200 });
      }
      state.dispose();
      await engine.release();
      return depth;
    }),
  );
  const worst = onCpu!.reduce((most, metres, i) => Math.max(most, Math.abs(onDevice![i]! / metres - 1)), 0);
  expect(worst).toBeLessThan(1e-3);
});
