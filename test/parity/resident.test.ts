import { expect, test } from 'vitest';
import { encodeModel } from '../../src/model/graph/onnx.ts';
import {
  anchoredRule,
  buildStreamGraph,
  type GraphOptions,
  NORMALISE,
} from '../../src/model/graph/video-depth-anything.ts';
import { checkDepth, parityError } from '../../src/model/precision.ts';
import { formulaFrame, formulaWeights, networkInput, TINY, TINY_CONFIG } from '../support/formula.ts';
import { maxDifference, readNpy, thin } from '../support/npy.ts';
import { RingRunner } from '../support/ring-stream.ts';

// The contract's second form, whose graph writes its own rings, against the official code in PyTorch, on the CPU.

const size = { width: 112, height: 84 };
const shape = [1, 3, size.height, size.width];
const reference = readNpy(new URL('../vectors/vda/tiny_stream_net.npy', import.meta.url));
const summaries = readNpy(new URL('../vectors/vda/tiny_summary.npy', import.meta.url));
const graph = (options: Partial<GraphOptions> = {}) =>
  encodeModel(buildStreamGraph(formulaWeights(TINY), { ...size, config: TINY_CONFIG, target: 'resident', ...options }));
const images = Array.from({ length: 60 }, (_, t) =>
  networkInput(formulaFrame(t, 128, 96), { width: 128, height: 96 }, size, NORMALISE),
);
const [, rows, columns] = reference.shape as [number, number, number];
const official = (t: number) => reference.data.subarray(t * rows * columns, (t + 1) * rows * columns);
const error = (depth: Float32Array, t: number) => maxDifference(thin(depth, size.width, 4), official(t));

test('60 frames within 1e-4, and the same again after a reset', async () => {
  const runner = await RingRunner.open(graph(), anchoredRule(32));
  const pass = async (frames: number) => {
    const maps: Float32Array[] = [];
    for (const [t, image] of images.slice(0, frames).entries()) {
      const [out] = await runner.run([image], shape);
      expect(error(out!.depth, t), `frame ${t}`).toBeLessThan(1e-4);
      expect(maxDifference(out!.summary, summaries.data.subarray(t * 96, (t + 1) * 96))).toBeLessThan(1e-4);
      maps.push(out!.depth.slice());
    }
    return maps;
  };
  const first = await pass(60);
  runner.reset();
  expect(await pass(5)).toEqual(first.slice(0, 5));
  await runner.close();
});

test('streams of a batch do not know of each other, and one may begin anew', async () => {
  const batch = await RingRunner.open(graph({ batch: 3 }), anchoredRule(32), 3);
  // The second stream is the reference; the others see other pictures, and one of them is reset on the way.
  for (const [t, image] of images.entries()) {
    if (t === 20) batch.reset(2);
    const out = await batch.run([images[59 - t]!, image, images[t < 20 ? (7 * t) % 60 : t - 20]!], shape);
    expect(error(out[1]!.depth, t), `frame ${t}`).toBeLessThan(1e-4);
    if (t >= 20) expect(error(out[2]!.depth, t - 20), `frame ${t}`).toBeLessThan(1e-4);
    expect(maxDifference(out[1]!.summary, summaries.data.subarray(t * 96, (t + 1) * 96))).toBeLessThan(1e-4);
  }
  await batch.close();
});

test('half precision: close to full precision, and not by luck; its convolutions stay in full', async () => {
  const half = buildStreamGraph(formulaWeights(TINY), {
    ...size,
    config: TINY_CONFIG,
    target: 'resident',
    precision: 'float16',
  });
  const halves = new Set(half.initializers.filter(({ type }) => type === 'float16').map(({ name }) => name));
  expect(halves.size).toBeGreaterThan(0);
  for (const { op, inputs } of half.nodes) if (op === 'Conv') expect(halves.has(inputs[1]!)).toBe(false);
  const low = await RingRunner.open(encodeModel(half), anchoredRule(32));
  const full = await RingRunner.open(graph(), anchoredRule(32));
  for (const image of images.slice(0, 12)) {
    const [a, b] = [(await low.run([image], shape))[0]!, (await full.run([image], shape))[0]!];
    checkDepth(a.depth);
    expect(parityError(a.depth, b.depth)).toBeGreaterThan(1e-5);
    expect(parityError(a.depth, b.depth)).toBeLessThan(3e-3);
  }
  await low.close();
  await full.close();
});

test('eight bits are for CPUs', () => {
  expect(() => graph({ precision: 'int8' })).toThrow(/int8 is for CPUs/);
});

test('the small size that devices are tested at: 60 frames within 1e-4', async () => {
  const small = { width: 28, height: 28 };
  const golden = readNpy(new URL('../vectors/vda/tiny_stream_28.npy', import.meta.url));
  const runner = await RingRunner.open(graph(small), anchoredRule(32));
  for (let t = 0; t < 60; t++) {
    const image = networkInput(formulaFrame(t, 128, 96), { width: 128, height: 96 }, small, NORMALISE);
    const [out] = await runner.run([image], [1, 3, 28, 28]);
    const expected = golden.data.subarray(49 * t, 49 * (t + 1));
    expect(maxDifference(thin(out!.depth, 28, 4), expected), `frame ${t}`).toBeLessThan(1e-4);
  }
  await runner.close();
});
