import { expect, it } from 'vitest';
import { findModel } from '../model/library.ts';
import { createScene } from '../scene/scene.ts';
import { EngineSet } from './engine-set.ts';
import { StreamRunner } from './stream-runner.ts';

const [WIDTH, HEIGHT] = [192, 160];
const OPTIONS = { range: 'auto', sceneCuts: true, gapSeconds: 2 } as const;
const scene = createScene('room', { width: WIDTH, height: HEIGHT });

function picture(frame: number, of = scene): Float32Array {
  const { rgba } = of.render(frame);
  const pixels = of.width * of.height;
  const planes = new Float32Array(3 * pixels);
  for (let i = 0; i < pixels; i++) for (let c = 0; c < 3; c++) planes[c * pixels + i] = rgba[4 * i + c]! / 255;
  return planes;
}

// New ones for each frame pile up in the worker until it collects: tens of megabytes on top of what streams need.
it('makes every map of a stream in the same memory', async () => {
  const stream = new StreamRunner(await EngineSet.load(findModel('depthcast-nano'), { threads: 1 }));
  const infer = (frame: number) =>
    stream.infer({ data: picture(frame), width: WIDTH, height: HEIGHT }, frame / 10, OPTIONS, undefined);
  const { depth } = await infer(0);
  const before = depth.slice();
  for (let frame = 1; frame < 4; frame++) expect((await infer(frame)).depth).toBe(depth);
  expect(depth).toHaveLength(WIDTH * HEIGHT);
  expect(depth.every(Number.isFinite)).toBe(true);
  expect(depth).not.toEqual(before);
  stream.close();
});

it('takes memory over to another size where it is told that the picture is the same', async () => {
  const engines = await EngineSet.load(findModel('depthcast-nano'), { threads: 1 });
  const [small, large] = [new StreamRunner(engines), new StreamRunner(engines)];
  const half = createScene('room', { width: 160, height: 128 });
  const frames = [0, 0.1, 0.2, 0.3];
  for (const time of frames) {
    const image = () => ({ data: picture(time), width: WIDTH, height: HEIGHT });
    for (const stream of [small, large]) await stream.infer(image(), time, OPTIONS, undefined);
  }
  const next = () => ({ data: picture(0.4, half), width: 160, height: 128 });
  await small.prepare(160, 128, true);
  const carried = await small.infer(next(), 0.4, OPTIONS, undefined);
  expect(carried.reset).toBeUndefined();
  expect(carried.depth).toHaveLength(160 * 128);
  const fresh = await large.infer(next(), 0.4, OPTIONS, undefined);
  expect(fresh.reset).toBe('size');
  const mean =
    carried.depth.reduce((sum, value, i) => sum + Math.abs(value - fresh.depth[i]!), 0) / carried.depth.length;
  const range = fresh.range.near - fresh.range.far;
  // What is remembered shows, and shows the same room.
  expect(mean / range).toBeGreaterThan(0.002);
  expect(mean / range).toBeLessThan(0.05);
  // And on from there.
  expect((await small.infer(next(), 0.5, OPTIONS, undefined)).reset).toBeUndefined();
  for (const stream of [small, large]) stream.close();
  await engines.release();
});
