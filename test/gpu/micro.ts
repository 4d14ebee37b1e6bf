import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GraphBuilder } from '../../src/model/graph/builder.ts';
import { encodeModel } from '../../src/model/graph/onnx.ts';
import { findModel, type InstalledModel } from '../../src/model/library.ts';
import { ringLength } from '../../src/model/ring-window.ts';
import { modelFolder } from '../../src/model/store/folder.ts';

const WINDOW = { rule: 'recent', frames: 3, emptyMask: -1e4 } as const;
const SIDE = 32;
const GRID = 8;
const CHANNELS = 32;
const OFF_TIMES = 50;

/**
 * The least network that meets the contract's second form: some operators, which a driver compiles in seconds. Its map
 * depends on the last four frames.
 * @param fused with what onnxruntime's MultiHeadAttention is away from attention of single operators added, many times over:
 *   nothing on the CPU, but the WebGPU provider computes it wrongly from 32 tokens on, by some percent
 */
export function microModel(folder: string, { fused = false, name = 'micro' } = {}): InstalledModel {
  const graph = new GraphBuilder();
  const ring = ringLength(WINDOW);
  const tokens = GRID * GRID;
  const values = (seed: number, count: number, scale: number) => () =>
    Float32Array.from({ length: count }, (_, i) => scale * Math.sin(12.9898 * (i + 1) + seed));
  const image = graph.input('image', 'float32', [1, 3, SIDE, SIDE]);
  graph.input('slots', 'int64', [ring]);
  const mask = graph.input('mask', 'float32', [ring]);
  graph.input('here', 'int64', [1]);
  const write = graph.input('write', 'bool', [1, ring, 1]);
  const old = graph.input('c0', 'float32', [tokens, ring, CHANNELS]);
  const step = SIDE / GRID;
  const patch = graph.weight('patch', [CHANNELS, 3, step, step], values(1, CHANNELS * 3 * step * step, 0.3));
  const map = graph.conv(image, patch, graph.weight('bias', [CHANNELS], values(2, CHANNELS, 0.1)), { stride: step });
  let hidden = graph.transpose(graph.reshape(map, [CHANNELS, tokens]), [1, 0]);
  if (fused) {
    const batch = graph.reshape(hidden, [1, tokens, CHANNELS]);
    const whole = graph.reshape(graph.attention(batch, batch, batch, 1), [tokens, CHANNELS]);
    const scores = graph.softmax(graph.matmul(hidden, graph.transpose(hidden, [1, 0])));
    const off = graph.sub(whole, graph.matmul(scores, hidden));
    const times = graph.weight('times', [1, 1], () => Float32Array.of(OFF_TIMES));
    hidden = graph.add(hidden, graph.mul(off, times));
  }
  const next = graph.where(write, graph.reshape(hidden, [tokens, 1, CHANNELS]), old);
  const weights = graph.reshape(graph.softmax(mask), [1, ring]);
  const mixed = graph.reshape(graph.matmul(weights, next), [tokens, CHANNELS]);
  const out = graph.matmul(mixed, graph.weight('out', [CHANNELS, 1], values(3, CHANNELS, 0.5)));
  const small = graph.reshape(graph.transpose(out, [1, 0]), [1, 1, GRID, GRID]);
  graph.output('depth', graph.reshape(graph.resize(small, SIDE, SIDE), [1, SIDE, SIDE]));
  graph.output('n0', next);

  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.onnx`), encodeModel(graph.finish(name, {})));
  const manifest = {
    kind: 'graph',
    name,
    title: name,
    file: `${name}.onnx`,
    unit: 'disparity',
    precision: 'fp32',
    normalise: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    size: { fixed: { width: SIDE, height: SIDE } },
    window: WINDOW,
    cutThreshold: 2,
    licence: 'none',
    source: 'by formula',
  };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(manifest));
  return findModel(join(folder, `${name}.json`), { store: modelFolder(join(folder, 'cache')) });
}
