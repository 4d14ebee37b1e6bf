import { expect, it } from 'vitest';
import { findModel } from '../model/library.ts';
import { createScene } from '../scene/scene.ts';
import { EngineSet } from './engine-set.ts';
import { StreamRunner } from './stream-runner.ts';

const [WIDTH, HEIGHT] = [192, 160];
const OPTIONS = { range: 'auto', sceneCuts: true, gapSeconds: 2 } as const;
const scene = createScene('room', { width: WIDTH, height: HEIGHT });

function picture(frame: number): Float32Array {
  const { rgba } = scene.render(frame);
  const planes = new Float32Array(3 * WIDTH * HEIGHT);
  for (let i = 0; i < WIDTH * HEIGHT; i++)
    for (let c = 0; c < 3; c++) planes[c * WIDTH * HEIGHT + i] = rgba[4 * i + c]! / 255;
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
