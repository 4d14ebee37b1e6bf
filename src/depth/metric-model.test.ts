import { expect, it } from 'vitest';
import { findModel } from '../model/library.ts';
import { createScene } from '../scene/scene.ts';
import { EngineSet } from './engine-set.ts';
import { StreamRunner } from './stream-runner.ts';

const [WIDTH, HEIGHT] = [256, 192];
const OPTIONS = { range: 'auto', sceneCuts: true, gapSeconds: 2 } as const;
const scene = createScene('room', { width: WIDTH, height: HEIGHT });

function picture(time: number): Float32Array {
  const { rgba } = scene.render(time);
  const planes = new Float32Array(3 * WIDTH * HEIGHT);
  for (let i = 0; i < WIDTH * HEIGHT; i++)
    for (let c = 0; c < 3; c++) planes[c * WIDTH * HEIGHT + i] = rgba[4 * i + c]! / 255;
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
