import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { formulaWeights, TINY, TINY_CONFIG } from '../../../test/support/formula.ts';
import { GraphBuilder } from './builder.ts';
import { inferConfig } from './config.ts';
import { assemble, decode } from './dpt.ts';
import { neighbours } from './dpt-int8.ts';
import { Layers } from './layers.ts';
import { encodeModel, type Value } from './onnx.ts';
import { count } from './shape.ts';

const source = formulaWeights(TINY);
const config = inferConfig(source.tensors, TINY_CONFIG);
/** Not square: rows taken for columns show. */
const GRID = { rows: 3, columns: 5 };
const PLACES = GRID.rows * GRID.columns;

/** Runs a part of the head on inputs by formula: what `build` makes of inputs of these shapes. */
async function run(
  int8: boolean,
  shapes: Record<string, number[]>,
  build: (layers: Layers, inputs: Record<string, Value>) => Record<string, Value>,
): Promise<Record<string, Tensor>> {
  const graph = new GraphBuilder();
  const inputs = Object.entries(shapes).map(([name, shape]) => [name, graph.input(name, 'float32', shape)] as const);
  const layers = new Layers(graph, source, { int8, contrib: true });
  for (const [name, value] of Object.entries(build(layers, Object.fromEntries(inputs)))) graph.output(name, value);
  const session = await InferenceSession.create(encodeModel(graph.finish('head', {})));
  const feeds = Object.entries(shapes).map(([name, shape]) => {
    const values = Float32Array.from({ length: count(shape) }, (_, i) => Math.sin(i * 0.37 + name.length) + 0.2);
    return [name, new Tensor('float32', values, shape)] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return results as Record<string, Tensor>;
}

const floats = (tensor: Tensor | undefined): Float32Array => tensor!.data as Float32Array;

/** Mean absolute difference over mean absolute value. */
function relative(values: Float32Array, reference: Float32Array): number {
  expect(values).toHaveLength(reference.length);
  let [difference, size] = [0, 0];
  for (const [i, value] of reference.entries()) {
    difference += Math.abs(values[i]! - value);
    size += Math.abs(value);
  }
  return difference / size;
}

/** [1, places, channels] to [channels, places]. */
function channelsFirst(tensor: Tensor): Float32Array {
  const [, places, channels] = tensor.dims as [number, number, number];
  const values = floats(tensor);
  return Float32Array.from(
    { length: values.length },
    (_, i) => values[(i % places) * channels + Math.floor(i / places)]!,
  );
}

describe('the head in eight bits', () => {
  test('neighbours: row by row, and beyond the border the number of places', () => {
    const found = neighbours(GRID);
    expect(found).toHaveLength(9 * PLACES);
    expect([...found.subarray(0, 9)]).toEqual([15, 15, 15, 15, 0, 1, 15, 5, 6]);
    expect([...found.subarray(9 * 7, 9 * 8)]).toEqual([1, 2, 3, 6, 7, 8, 11, 12, 13]);
    expect([...found.subarray(9 * 14)]).toEqual([8, 9, 15, 13, 14, 15, 15, 15, 15]);
  });

  test('maps of the encoder taps are those of float32, but for rounding', async () => {
    const shapes = Object.fromEntries([0, 1, 2, 3].map((i) => [`tap${i}`, [PLACES, TINY.channels]]));
    const build = (layers: Layers, inputs: Record<string, Value>) => {
      const features = Object.values(inputs).map((patches) => ({ patches, summary: patches }));
      const { fine, middle, coarse } = assemble(layers, config, features, GRID);
      return { fine, middle, coarse };
    };
    const eight = await run(true, shapes, build);
    const full = await run(false, shapes, build);
    for (const name of ['fine', 'middle']) {
      const error = relative(channelsFirst(eight[name]!), floats(full[name]));
      expect(error).toBeGreaterThan(1e-4);
      expect(error).toBeLessThan(0.02);
    }
    expect(floats(eight['coarse'])).toEqual(floats(full['coarse']));
  });

  test('depth of the same maps is that of float32, but for rounding', async () => {
    const { features } = TINY;
    const sizes = { path: [6, 10], middle: [6, 10], fine: [12, 20] } as const;
    const depth = async (int8: boolean) => {
      const shapes = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, [1, features, ...size]]));
      const results = await run(int8, shapes, (layers, { path, fine, middle }) => {
        const rows = (map: Value) => {
          const [, channels, height, width] = map.shape as [number, number, number, number];
          const last = layers.graph.transpose(map, [0, 2, 3, 1]);
          return int8 ? layers.graph.reshape(last, [1, height * width, channels]) : map;
        };
        return { depth: decode(layers, config, path!, { fine: rows(fine!), middle: rows(middle!) }, GRID) };
      });
      expect(results['depth']!.dims).toEqual([1, GRID.rows * config.patch, GRID.columns * config.patch]);
      return floats(results['depth']);
    };
    const error = relative(await depth(true), await depth(false));
    expect(error).toBeGreaterThan(1e-5);
    expect(error).toBeLessThan(0.01);
  });

  test('bytes of a map: its range and 0; without negative values in the other form, even if there are none but those', async () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', 'float32', [1, 4]);
    for (const [name, bytes] of Object.entries({ all: graph.quantize(x), relu: graph.quantizeRelu(x) })) {
      graph.output(`${name}.values`, bytes.values);
      graph.output(`${name}.step`, bytes.step);
      graph.output(`${name}.zero`, bytes.zero);
    }
    const session = await InferenceSession.create(encodeModel(graph.finish('bytes', {})));
    const of = async (...values: number[]) => {
      const found = await session.run({ x: new Tensor('float32', Float32Array.from(values), [1, 4]) });
      return (name: string) =>
        [found[`${name}.values`]!, found[`${name}.zero`]!].flatMap(({ data }) => [...(data as Uint8Array)]);
    };
    const mixed = await of(-1, 0, 1, 4);
    expect(mixed('all')).toEqual([0, 51, 102, 255, 51]);
    expect(mixed('relu')).toEqual([0, 0, 64, 255, 0]);
    expect((await of(-1, -2, -3, -4))('relu')).toEqual([0, 0, 0, 0, 0]);
    await session.release();
  });
});
