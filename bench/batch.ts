import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceRuntime, TensorShape } from '../src/depth/engines/device-runtime.ts';
import { NodeRuntime } from '../src/depth/engines/node-runtime.ts';
import { hostTensor, type MixedTensors } from '../src/depth/engines/state-shapes.ts';
import { trialImage } from '../src/depth/engines/trial.ts';
import { anchoredRule, buildStreamGraph } from '../src/model/graph/video-depth-anything.ts';
import { MODEL_FILE, writeModel } from '../src/model/graph/write.ts';
import { createRing } from '../src/model/ring-window.ts';
import { formulaWeights, TINY, TINY_CONFIG, VITS } from '../test/support/formula.ts';
import { printMarkdown, printTable, quantile } from '../test/support/load/table.ts';

/** The published small network's shape, and a tiny one that even software drivers run; weights by formula. */
const NETWORKS = [
  { name: 'tiny 28', dimensions: TINY, config: TINY_CONFIG, side: 28 },
  { name: 'tiny 112', dimensions: TINY, config: TINY_CONFIG, side: 112 },
  { name: 'S 140', dimensions: VITS, config: undefined, side: 140 },
  { name: 'S 252', dimensions: VITS, config: undefined, side: 252 },
] as const;
const BATCHES = [1, 2, 4, 8] as const;
const WARM_UP = 2;
/** Frames of all streams together that are timed. */
const FRAMES = 32;

export interface BatchBenchOptions {
  device: 'cpu' | 'webgpu';
  only?: string | undefined;
  markdown?: boolean | undefined;
}

/** Whether frames of several streams in one run cost less than one after the other: graphs of the contract's second form. */
export async function benchBatch({ device, only = '', markdown = false }: BatchBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-bench-batch-'));
  const rows: (string | number)[][] = [];
  const runtime = new NodeRuntime(device);
  try {
    for (const network of NETWORKS) {
      if (!network.name.startsWith(only)) continue;
      let single = Number.NaN;
      for (const batch of BATCHES) {
        const { wall, cpu } = await measure(runtime, network, batch, folder);
        if (batch === 1) single = wall;
        rows.push([network.name, batch, wall, cpu, single / wall]);
      }
    }
  } finally {
    await runtime.release();
    rmSync(folder, { recursive: true });
  }
  const head = ['network', 'streams a run', 'ms a frame', 'CPU ms', 'times as fast'];
  (markdown ? printMarkdown : printTable)(`Frames of several streams in one run, ${runtime.device}`, head, rows);
}

async function measure(
  runtime: DeviceRuntime,
  { name, dimensions, config, side }: (typeof NETWORKS)[number],
  batch: number,
  folder: string,
): Promise<{ wall: number; cpu: number }> {
  const size = { width: side, height: side };
  const home = join(folder, `${name}-${batch}`);
  mkdirSync(home);
  const graph = buildStreamGraph(formulaWeights(dimensions), {
    ...size,
    batch,
    target: 'resident',
    ...(config && { config }),
  });
  writeModel(graph, home);
  const session = await runtime.open(join(home, MODEL_FILE));
  const shapes = session.inputs
    .filter((input) => /^c\d/.test(input.name))
    .map((input): TensorShape => ({ name: input.name, shape: input.shape as number[] }));
  let from = await runtime.allocate(shapes);
  let to = await runtime.allocate(shapes);
  const windows = Array.from({ length: batch }, () => createRing(anchoredRule(32)));
  const row = (length: number) => (batch === 1 ? [length] : [batch, length]);
  const one = trialImage(size);
  const image = new Float32Array(batch * one.length);
  const depth = hostTensor('float32', new Float32Array(batch * side * side), [batch, side, side]);
  const summary = hostTensor('float32', new Float32Array(batch * dimensions.channels), [batch, dimensions.channels]);
  const wall: number[] = [];
  let cpu = process.cpuUsage();
  const runs = Math.ceil(FRAMES / batch);
  for (let run = -WARM_UP; run < runs; run++) {
    if (run === 0) cpu = process.cpuUsage();
    for (let b = 0; b < batch; b++) image.set(trialImage(size, 3 * run + b), b * one.length);
    const steps = windows.map((window) => window.step());
    const ring = steps[0]!.slots.length;
    const feeds: MixedTensors = {
      image: hostTensor('float32', image, [batch, 3, side, side]),
      slots: hostTensor('int64', BigInt64Array.from(steps.flatMap(({ slots }) => [...slots])), row(ring)),
      mask: hostTensor('float32', Float32Array.from(steps.flatMap(({ mask }) => [...mask])), row(ring)),
      here: hostTensor('int64', BigInt64Array.from(steps.flatMap(({ here }) => [...here])), [batch]),
      write: hostTensor('bool', Uint8Array.from(steps.flatMap(({ write }) => [...write])), [batch, ring, 1]),
      ...from,
    };
    const fetches: MixedTensors = { depth, summary };
    for (const key of Object.keys(to)) fetches[`n${key.slice(1)}`] = to[key]!;
    const began = performance.now();
    await session.run(feeds, fetches);
    if (run >= 0) wall.push((performance.now() - began) / batch);
    [from, to] = [to, from];
  }
  const { user, system } = process.cpuUsage(cpu);
  for (const tensor of [...Object.values(from), ...Object.values(to)]) tensor.dispose();
  await session.release();
  rmSync(home, { recursive: true });
  return { wall: quantile(wall, 0.5), cpu: (user + system) / 1000 / (runs * batch) };
}
