import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, EngineState } from '../../src/depth/engine.ts';
import type { Size } from '../../src/model/size.ts';

export interface EngineUnderTest {
  prepare(size: Size): Promise<Engine>;
  size: Size;
  /** A second size that the same engine runs, if it runs several. */
  otherSize?: Size;
  /** Normalised pictures and the maps that the network makes of them in one stream; long enough that the window turns. */
  images: readonly Float32Array[];
  expected(): Promise<readonly Float32Array[]>;
  /** Largest absolute difference from `expected`. */
  tolerance: number;
}

/** What every engine must keep, whatever it runs on: the contract of depth/engine.ts. */
export function describeEngine(name: string, test: EngineUnderTest): void {
  const { size, images, tolerance } = test;
  const count = size.width * size.height;

  describe(`${name} keeps the contract of an engine`, () => {
    let engine: Engine;
    let expected: readonly Float32Array[];
    beforeAll(async () => {
      expected = await test.expected();
      engine = await test.prepare(size);
    }, 120_000);
    afterAll(() => engine.release());

    async function run(state: EngineState, frame: number): Promise<Float32Array> {
      const depth = new Float32Array(count).fill(Number.NaN);
      await state.run(images[frame]!, depth);
      return depth;
    }
    const difference = (a: Float32Array, b: Float32Array) =>
      a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);

    it('remembers as the network was trained to, over more than a turn of its window', async () => {
      const state = await engine.createState(size);
      for (const [frame, map] of expected.entries())
        expect(difference(await run(state, frame), map), `frame ${frame}`).toBeLessThanOrEqual(tolerance);
      state.dispose();
    });

    it('writes the map that it is given and nothing else', async () => {
      const state = await engine.createState(size);
      const around = new Float32Array(count + 2).fill(-7);
      const image = images[0]!.slice();
      await state.run(image, around.subarray(1, -1));
      expect(image).toEqual(images[0]);
      expect([around[0], around.at(-1)]).toEqual([-7, -7]);
      expect(difference(around.subarray(1, -1), expected[0]!)).toBeLessThanOrEqual(tolerance);
      state.dispose();
    });

    it('tells a feature of the frame, of one length, if it says so', async () => {
      const state = await engine.createState(size);
      const depth = new Float32Array(count);
      const first = (await state.run(images[0]!, depth))?.slice();
      const second = await state.run(images[1]!, depth);
      expect(first !== undefined).toBe(engine.capabilities.summary);
      expect(second?.length).toBe(first?.length);
      expect(first?.every(Number.isFinite) ?? true).toBe(true);
      state.dispose();
    });

    it('keeps streams apart that take turns', async () => {
      const [a, b] = [await engine.createState(size), await engine.createState(size)];
      for (let frame = 0; frame < 4; frame++) {
        expect(difference(await run(a, frame), expected[frame]!)).toBeLessThanOrEqual(tolerance);
        await run(b, images.length - 1 - frame);
      }
      a.dispose();
      expect((await run(b, 0)).every(Number.isFinite)).toBe(true);
      b.dispose();
    });

    it('forgets everything at a reset', async () => {
      const state = await engine.createState(size);
      for (let frame = images.length - 1; frame > images.length - 4; frame--) await run(state, frame);
      state.reset();
      for (let frame = 0; frame < 3; frame++)
        expect(difference(await run(state, frame), expected[frame]!)).toBeLessThanOrEqual(tolerance);
      state.dispose();
    });

    it('forks a memory: each goes on by itself, and outlives the other', async () => {
      const state = await engine.createState(size);
      const half = images.length >> 1;
      for (let frame = 0; frame < half; frame++) await run(state, frame);
      const fork = await state.fork();
      // The original goes elsewhere and away.
      for (let i = 1; i < 4; i++) await run(state, 0);
      state.dispose();
      for (let frame = half; frame < images.length; frame++)
        expect(difference(await run(fork, frame), expected[frame]!), `frame ${frame}`).toBeLessThanOrEqual(tolerance);
      fork.dispose();
      fork.dispose();
    });

    const { otherSize } = test;
    if (otherSize)
      it('runs streams of two sizes side by side', async () => {
        const [a, b] = [await engine.createState(size), await engine.createState(otherSize)];
        const pixels = otherSize.width * otherSize.height;
        const picture = Float32Array.from({ length: 3 * pixels }, (_, i) => Math.sin(i / 50));
        const depth = new Float32Array(pixels).fill(Number.NaN);
        for (let frame = 0; frame < 3; frame++) {
          expect(difference(await run(a, frame), expected[frame]!)).toBeLessThanOrEqual(tolerance);
          await b.run(picture, depth);
          expect(depth.every(Number.isFinite)).toBe(true);
        }
        a.dispose();
        b.dispose();
      });

    it('says what it is, for people and for the number of engines that fit', () => {
      expect(engine.capabilities.device).not.toBe('');
      expect(engine.capabilities.threads).toBeGreaterThan(0);
    });
  });
}
