import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { formulaTensor, formulaWeights, TINY, TINY_CONFIG, VITB, VITL, VITS } from '../../../test/support/formula.ts';
import type { TensorInfo } from '../checkpoint/tensor.ts';
import { halfToFloat } from '../checkpoint/tensor.ts';
import { GraphBuilder } from './builder.ts';
import { inferConfig } from './config.ts';
import { toHalf } from './float16.ts';
import { quantisedRows, transposed } from './int8.ts';
import type { TensorSource } from './layers.ts';
import { byteLength, encodeModel, type Subgraph, type Value } from './onnx.ts';
import { interpolatePositions } from './position-embedding.ts';
import { ProtoMessage } from './protobuf.ts';
import { count } from './shape.ts';
import { partsOf } from './streaming-attention.ts';
import { buildStreamGraph } from './video-depth-anything.ts';

test('protocol buffers: the examples of the encoding guide', () => {
  const hex = (message: ProtoMessage) => Buffer.from(message.finish()).toString('hex');
  expect(hex(new ProtoMessage().int(1, 150))).toBe('089601');
  expect(hex(new ProtoMessage().text(2, 'testing'))).toBe('120774657374696e67');
  expect(hex(new ProtoMessage().message(3, new ProtoMessage().int(1, 150)))).toBe('1a03089601');
  expect(hex(new ProtoMessage().int(1, -2))).toBe('08feffffffffffffffff01');
  expect(hex(new ProtoMessage().float(2, 1))).toBe('150000803f');
});

describe('half precision', () => {
  test('every half comes back from its value', () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const value = halfToFloat(bits);
      if (Number.isNaN(value)) expect(toHalf(value) & 0x7fff).toBeGreaterThan(0x7c00);
      else expect(toHalf(value)).toBe(bits);
    }
  });

  test('values between two halves go to the nearer, ties to the even one', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [halfToFloat(bits), halfToFloat(bits + 1)];
      expect(toHalf((low + high) / 2)).toBe(bits + (bits & 1));
      expect(toHalf(low + (high - low) * 0.49)).toBe(bits);
      expect(toHalf(low + (high - low) * 0.51)).toBe(bits + 1);
    }
    expect([65_519, 65_520, 1e9].map(toHalf)).toEqual([0x7bff, 0x7c00, 0x7c00]);
    expect(toHalf(1e-9)).toBe(0);
  });
});

test('positions: unchanged at their own size, exact for the class token, smooth elsewhere', () => {
  const channels = 2;
  const table = Float32Array.from({ length: (1 + 9) * channels }, (_, i) => i);
  expect(interpolatePositions(table, channels, 3, 3, 3)).toBe(table);
  const larger = interpolatePositions(table, channels, 3, 6, 4);
  expect(larger).toHaveLength((1 + 24) * channels);
  expect([...larger.subarray(0, 2)]).toEqual([0, 1]);
  const flat = interpolatePositions(new Float32Array(20).fill(3), channels, 3, 5, 7);
  for (const value of flat) expect(value).toBeCloseTo(3, 5);
});

describe('builder', () => {
  test('what it says about shapes is what onnxruntime computes', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 4, 6, 6]);
    const ramp = (name: string, shape: number[]) =>
      g.weight(name, shape, () =>
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
      );
    const index = g.input('index', 'int64', [3]);
    const conv = g.conv(x, ramp('w1', [5, 4, 3, 3]), ramp('b1', [5]), { stride: 2, pad: 1 });
    const values = {
      conv,
      up: g.convTranspose(conv, ramp('w2', [5, 7, 2, 2]), ramp('b2', [7]), 2),
      resized: g.resize(x, 9, 4),
      channelsLast: g.resizeLast(x, 5, 9),
      rows: g.gather(g.slice(x, 1, 1, 3), index, 3),
      joined: g.concat([x, g.relu(x)], 2),
      last: g.split(x, 3, [1, 5])[1]!,
      product: g.matmul(g.softmax(x), g.transpose(x, [0, 1, 3, 2])),
      linear: g.gemm(g.reshape(x, [8, 36]), ramp('w3', [10, 36]), ramp('b3', [10])),
      normal: g.instanceNorm(g.reshape(x, [2, 4, 36]), 1e-6),
      layer: g.layerNorm(x, ramp('w4', [6]), ramp('b4', [6]), 1e-6),
      eight: g.gemmBytes(
        g.quantize(g.reshape(x, [8, 36])),
        g.bytes('w6', 'int8', [36, 10], () => new Int8Array(360).fill(3)),
        ramp('w7', [10]),
        ramp('b7', [10]),
      ),
      attended: g.attention(...([0, 1, 2].map(() => g.reshape(x, [1, 8, 36])) as [Value, Value, Value]), 4),
      whole: g.cast(g.clip(g.round(x), ramp('low', []), ramp('high', [])), 'int16'),
      back: g.dequantize(g.cast(g.sub(x, g.round(x)), 'int8'), ramp('step', [])),
      sum: g.reduceSum(g.gelu(g.mul(x, g.add(x, x))), 2),
    };
    for (const [name, value] of Object.entries(values)) g.output(name, value);
    const session = await InferenceSession.create(encodeModel(g.finish('all', {})));
    const data = Float32Array.from({ length: 288 }, (_, i) => Math.cos(i));
    const results = await session.run({
      x: new Tensor('float32', data, [2, 4, 6, 6]),
      index: new Tensor('int64', BigInt64Array.of(0n, 5n, 2n), [3]),
    });
    for (const [name, value] of Object.entries(values))
      expect([name, results[name]?.dims]).toEqual([name, value.shape]);
    await session.release();
  });

  test('bytes that the body of a Scan has made are not taken outside it, those from before are taken inside', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 3]);
    const [before, later] = [g.relu(x), g.sub(x, g.reduceSum(x, 1))];
    const w = g.bytes('w', 'int8', [3, 3], () => new Int8Array(9).fill(2));
    const scales = g.weight('scales', [3], () => new Float32Array(3).fill(0.5));
    const product = (value: Value) => g.gemmBytes(g.quantize(value), w, scales);
    g.output('first', product(before));
    const [inside] = g.scan([x], ([row]) => [g.add(g.add(product(before), product(later)), row!)]);
    g.output('inside', inside!);
    g.output('outside', product(later));
    const model = g.finish('scan', {});
    const scan = model.nodes.find(({ op }) => op === 'Scan')!;
    const { nodes } = (scan.attributes['body'] as { graph: Subgraph }).graph;
    const made = (list: typeof nodes) => list.filter(({ op }) => op === 'DynamicQuantizeLinear').length;
    expect([made(model.nodes), made(nodes)]).toEqual([2, 1]);
    // A name of the body that is used outside it is no graph to onnxruntime.
    const session = await InferenceSession.create(encodeModel(model));
    await session.release();
  });

  test('refuses what does not fit together', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 4, 6, 6]);
    const w = (name: string, shape: number[]) => g.weight(name, shape, () => new Float32Array());
    expect(() => g.matmul(x, g.reshape(x, [2, 4, 9, 4]))).toThrow(/MatMul/);
    expect(() => g.gemm(g.reshape(x, [8, 36]), w('a', [10, 35]))).toThrow(/Gemm/);
    expect(() => g.conv(x, w('b', [5, 3, 3, 3]), undefined)).toThrow(/Conv/);
    expect(() => g.convTranspose(x, w('c', [4, 5, 2, 2]), w('d', [5]), 4)).toThrow(/ConvTranspose/);
    expect(() => g.add(x, g.slice(x, 3, 0, 5))).toThrow(/broadcast/);
    expect(() => g.reshape(x, [7])).toThrow(/Reshape/);
    expect(() => g.transpose(x, [0, 1, 2, 2])).toThrow(/Transpose/);
    expect(() => g.split(x, 1, [1, 2])).toThrow(/Split/);
    expect(() => g.slice(x, 1, 2, 5)).toThrow(/Slice/);
    expect(() => g.concat([x, g.slice(x, 3, 0, 5)], 1)).toThrow(/Concat/);
    expect(() => g.layerNorm(x, w('e', [5]), w('f', [5]), 1e-6)).toThrow(/LayerNormalization/);
    const eight = g.bytes('g', 'int8', [35, 10], () => new Int8Array(350));
    const bytes = g.quantize(g.reshape(x, [8, 36]));
    expect(() => g.gemmBytes(bytes, eight, w('h', [10]), w('i', [10]))).toThrow(/MatMulIntegerToFloat/);
    const rows = g.reshape(x, [1, 8, 36]);
    expect(() => g.attention(rows, rows, rows, 5)).toThrow(/MultiHeadAttention/);
    expect(() => w('a', [10, 36])).toThrow(/two different constants/);
    expect(() => encodeModel(g.finish('short', {}))).toThrow(/0 values for \[10,35\]/);
  });
});

describe('configuration', () => {
  test.each([
    ['vits', VITS, { heads: 6, taps: [2, 5, 8, 11] }],
    ['vitb', VITB, { heads: 12, taps: [2, 5, 8, 11] }],
    ['vitl', VITL, { heads: 16, taps: [4, 11, 17, 23] }],
  ])('%s from its shapes alone, at any size and aspect', (_, dimensions, expected) => {
    const source = formulaWeights(dimensions);
    const { channels, blocks, features, mapChannels } = dimensions;
    expect(inferConfig(source.tensors)).toMatchObject({
      ...expected,
      channels,
      blocks,
      features,
      mapChannels,
      frames: 32,
      grid: 37,
      patch: 14,
      hidden: 4 * channels,
      temporalAttentions: 2,
      temporalHeads: 8,
    });
    for (const [width, height] of [
      [252, 140],
      [14, 14],
      [126, 518],
    ] as const) {
      const { inputs, outputs } = buildStreamGraph(source, { width, height });
      expect(inputs.map(({ name }) => name)).toEqual([
        'image',
        'slots',
        'mask',
        'c0',
        'c1',
        'c2',
        'c3',
        'c4',
        'c5',
        'c6',
        'c7',
      ]);
      expect(outputs.map(({ name }) => name)).toEqual([
        'depth',
        'h0',
        'h1',
        'h2',
        'h3',
        'h4',
        'h5',
        'h6',
        'h7',
        'summary',
      ]);
      expect(outputs[0]!.shape).toEqual([1, height, width]);
      expect(outputs.at(-1)!.shape).toEqual([1, channels]);
      const places = (width / 14) * (height / 14);
      expect(inputs[3]!.shape).toEqual([places, 31, mapChannels[2]]);
      expect(inputs[9]!.shape).toEqual([4 * places, 31, features]);
    }
  });

  test('for a CPU each state is kept in 24 bits, in two caches', () => {
    const source = formulaWeights(VITS);
    const { inputs, outputs } = buildStreamGraph(source, { width: 252, height: 252, target: 'cpu' });
    const caches = inputs.filter(({ name }) => /^c\d+$/.test(name));
    const states = outputs.filter(({ name }) => /^h\d+$/.test(name));
    expect(caches.map(({ type }) => type)).toEqual(Array(8).fill(['int16', 'int8']).flat());
    expect(states.map(({ type, shape }) => [type, shape[2]])).toEqual(
      caches.map(({ type, shape }) => [type, shape[2]]),
    );
    const plain = buildStreamGraph(source, { width: 252, height: 252 }).inputs.filter(({ name }) =>
      /^c\d+$/.test(name),
    );
    const bytes = (values: readonly Value[]) => values.reduce((sum, value) => sum + byteLength(value), 0);
    expect(bytes(caches) / bytes(plain)).toBe(0.75);
    // Where layers have eight bits, 16 are enough.
    const eight = buildStreamGraph(source, { width: 252, height: 252, target: 'cpu', precision: 'int8' });
    const coarse = eight.inputs.filter(({ name }) => /^c\d+$/.test(name));
    expect(coarse.map(({ type }) => type)).toEqual(Array(8).fill('int16'));
    expect(bytes(coarse) / bytes(plain)).toBe(0.5);
    // Half precision is for other backends.
    const half = buildStreamGraph(source, { width: 252, height: 252, target: 'cpu', precision: 'float16' });
    expect(half.inputs.filter(({ type }) => /^int(8|16)$/.test(type))).toEqual([]);
  });

  test('for a CPU past states are read in parts of at most half a megabyte', () => {
    const source = formulaWeights(VITS);
    for (const [width, height] of [
      [252, 252],
      [350, 196],
      [518, 518],
    ] as const) {
      const { nodes } = buildStreamGraph(source, { width, height, target: 'cpu' });
      const parts = nodes
        .filter(({ op }) => op === 'Scan')
        .map(({ attributes }) => (attributes['body'] as { graph: Subgraph }).graph.inputs);
      expect(parts.length).toBe(8);
      for (const inputs of parts) {
        const steps = inputs.find(({ type }) => type === 'int16')!;
        expect(4 * count(steps.shape)).toBeLessThanOrEqual(2 ** 19);
      }
    }
    const { nodes } = buildStreamGraph(source, { width: 252, height: 252 });
    expect(nodes.filter(({ op }) => op === 'Scan')).toEqual([]);
  });

  test('eight bits: the nearest of 255 steps, each output with its own scale; a row of zeros stays one', () => {
    const { integers, scales } = quantisedRows(Float32Array.of(1, -2, 0.5, 0, 0, 0), 2, 3);
    expect([...integers]).toEqual([64, -127, 32, 0, 0, 0]);
    expect([...transposed(integers, 2, 3)]).toEqual([64, 0, -127, 0, 32, 0]);
    expect(scales[0]).toBeCloseTo(2 / 127, 6);
    expect(Number.isFinite(scales[1])).toBe(true);
  });

  test('eight bits of a convolution: no weight is off by more than a step, nor the sum of its taps by more than half of one', () => {
    const weights = formulaTensor('head.scratch.refinenet1.resConfUnit1.conv1.weight', [4, 8, 3, 3]);
    const { integers, scales } = quantisedRows(weights, 4, 72, 9);
    let moved = 0;
    for (let first = 0; first < weights.length; first += 9) {
      let [exact, rounded] = [0, 0];
      for (let i = first; i < first + 9; i++) {
        const steps = weights[i]! / scales[Math.floor(i / 72)]!;
        expect(Math.abs(steps - integers[i]!)).toBeLessThanOrEqual(1);
        if (integers[i] !== Math.round(steps)) moved++;
        exact += steps;
        rounded += integers[i]!;
      }
      expect(Math.abs(exact - rounded)).toBeLessThanOrEqual(0.501);
    }
    expect(moved).toBeGreaterThan(0);
    expect(Math.max(...integers)).toBe(127);
    expect(Math.min(...integers)).toBeGreaterThanOrEqual(-127);
  });

  test('half precision halves the weights, and the borders stay float32', () => {
    const source = formulaWeights(VITS);
    const build = (precision: 'float32' | 'float16') =>
      buildStreamGraph(source, { width: 252, height: 252, precision });
    const bytes = ({ initializers }: ReturnType<typeof build>) =>
      initializers.reduce((sum, one) => sum + byteLength(one), 0);
    expect(bytes(build('float16')) / bytes(build('float32'))).toBeLessThan(0.55);
    const { inputs, outputs } = build('float16');
    expect([...inputs, ...outputs].filter(({ type }) => type === 'float16')).toEqual([]);
  });

  const tiny = formulaWeights(TINY);
  const changed = (change: (tensors: Map<string, TensorInfo>) => void): TensorSource => {
    const tensors = new Map(tiny.tensors);
    change(tensors);
    return { tensors, read: tiny.read };
  };
  const reshaped = (name: string, shape: number[]) => changed((t) => t.set(name, { name, type: 'f32', shape }));

  test.each<[string, TensorSource, object, RegExp]>([
    [
      'another network',
      changed((t) => t.clear()),
      {},
      /no pretrained.patch_embed.proj.weight: this is no Video Depth Anything/,
    ],
    ['heads that are not said', tiny, { taps: [0, 1, 2, 3] }, /96 channels do not divide into 1.5 heads/],
    ['taps that are not said', tiny, { heads: 3 }, /4 blocks with taps \[\]/],
    ['taps out of order', tiny, { heads: 3, taps: [0, 2, 1, 3] }, /taps/],
    ['a tap that is not there', tiny, { heads: 3, taps: [0, 1, 2, 4] }, /taps/],
    [
      'a missing tensor',
      changed((t) => t.delete('head.scratch.output_conv1.bias')),
      TINY_CONFIG,
      /no tensor head.scratch.output_conv1.bias/,
    ],
    [
      'a tensor of another shape',
      reshaped('pretrained.blocks.2.attn.proj.weight', [96, 95]),
      TINY_CONFIG,
      /\[96,95\], not \[96,96\]/,
    ],
    [
      'tensors that are not used',
      reshaped('pretrained.register_tokens', [1, 4, 96]),
      TINY_CONFIG,
      /1 tensors are not part.*register_tokens/,
    ],
    ['positions in no square', reshaped('pretrained.pos_embed', [1, 1371, 96]), TINY_CONFIG, /square/],
    ['temporal heads that do not divide', tiny, { ...TINY_CONFIG, temporalHeads: 5 }, /5 heads/],
  ])('refuses %s', (_, source, config, detail) => {
    const build = () => buildStreamGraph(source, { width: 112, height: 84, config });
    expect(build).toThrow(detail);
    expect(build).toThrow(expect.objectContaining({ code: 'BAD_CHECKPOINT' }));
  });

  test.each([
    [0, 84],
    [112, 85],
    [112, -84],
    [112, 14 * 1000],
    [Number.NaN, 84],
  ])('refuses the size %ix%i', (width, height) => {
    expect(() => buildStreamGraph(tiny, { width, height, config: TINY_CONFIG })).toThrow(
      expect.objectContaining({ code: 'BAD_SIZE' }),
    );
  });
});

test.each([
  ['several places', 24, 2 ** 17, 6],
  ['where few numbers divide them, fewer', 361, 31_000, 361],
  ['one place that is larger than a part', 4, 2 ** 20, 4],
  ['all places', 24, 1000, 1],
])('a part of past states holds %s', (_, places, bytes, parts) => {
  expect(partsOf(places, bytes)).toBe(parts);
});
