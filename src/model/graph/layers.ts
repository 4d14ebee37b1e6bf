import { DepthcastError } from '../../errors.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { GraphBuilder } from './builder.ts';
import { quantisedRows, transposed } from './int8.ts';
import type { FloatType } from './nodes.ts';
import type { DataType, Value } from './onnx.ts';

/** Named tensors: a Checkpoint, or weights made in memory. */
export type TensorSource = Pick<Checkpoint, 'tensors' | 'read'>;

/** What a linear layer is folded with when its weights are written: y = after * (W (before * x + shift) + b). */
export interface Fold {
  /** A tensor [out] that multiplies each output, such as LayerScale's gamma. */
  readonly after?: string;
  /** A factor for the outputs, by index. */
  readonly scale?: (output: number) => number;
  /** A norm whose weight and bias [in] come before. */
  readonly norm?: string;
  /** The layer is some outputs of a larger one, from this index on, which has so many. */
  readonly part?: { readonly first: number; readonly of: number };
  /** The layer is a convolution of 1x1: [out, in, 1, 1]. */
  readonly pointwise?: boolean;
}

/**
 * Layers by their names in the state dict. Weights are checked by shape when the graph is built and read when it is
 * written, one tensor at a time.
 */
export class Layers {
  readonly graph: GraphBuilder;
  /** Whether linear layers that ask for it are made in eight bits. */
  readonly int8: boolean;
  /** Whether operators of onnxruntime's own may be used. */
  readonly contrib: boolean;
  /** Whether the graph is for a device, whose kernels are less exact: convolutions that do not say are float32 then. */
  readonly resident: boolean;
  readonly #source: TensorSource;
  readonly #used = new Set<string>();

  constructor(
    graph: GraphBuilder,
    source: TensorSource,
    { int8 = false, contrib = false, resident = false }: { int8?: boolean; contrib?: boolean; resident?: boolean } = {},
  ) {
    this.graph = graph;
    this.int8 = int8;
    this.contrib = contrib;
    this.resident = resident;
    this.#source = source;
  }

  /** The tensor as it stands in the checkpoint. */
  tensor(name: string, shape: readonly number[], type?: FloatType): Value {
    return this.derive(name, shape, { [name]: shape }, (values) => values, type);
  }

  /** A constant made from tensors, whose expected shapes are given by name. */
  derive(
    label: string,
    shape: readonly number[],
    from: Readonly<Record<string, readonly number[]>>,
    make: (first: Float32Array, ...rest: Float32Array[]) => Float32Array,
    type?: FloatType,
  ): Value {
    for (const [name, expected] of Object.entries(from)) this.#expect(name, expected);
    return this.graph.weight(label, shape, () => make(...this.#read(from)), type);
  }

  /** As `derive`, of elements that are stored as they are made. */
  deriveBytes(
    label: string,
    type: DataType,
    shape: readonly number[],
    from: Readonly<Record<string, readonly number[]>>,
    make: (first: Float32Array, ...rest: Float32Array[]) => Int8Array | Float32Array,
  ): Value {
    for (const [name, expected] of Object.entries(from)) this.#expect(name, expected);
    return this.graph.bytes(label, type, shape, () => make(...this.#read(from)));
  }

  #read(from: Readonly<Record<string, readonly number[]>>): [Float32Array, ...Float32Array[]] {
    for (const [name, expected] of Object.entries(from)) this.#expect(name, expected);
    const [first, ...rest] = Object.keys(from).map((name) => this.#source.read(name));
    return [first!, ...rest];
  }

  /** x [rows, in] to [rows, out]. @param int8 may be quantised, where the graph's precision says so. */
  linear(x: Value, name: string, out: number, fold: Fold & { bias?: boolean; int8?: boolean } = {}): Value {
    const inner = x.shape[1]!;
    const weight = `${name}.weight`;
    const bias = `${name}.bias`;
    const { after, scale, norm, part, pointwise } = fold;
    const from = {
      [weight]: [part?.of ?? out, inner, ...(pointwise ? [1, 1] : [])],
      ...(after && { [after]: [out] }),
      ...(norm && { [`${norm}.weight`]: [inner] }),
    };
    const make = (all: Float32Array, ...others: Float32Array[]): Float32Array => {
      const values = part ? all.slice(part.first * inner, (part.first + out) * inner) : all;
      const gamma = after ? others[0] : undefined;
      const gain = norm ? others.at(-1) : undefined;
      if (!gamma && !scale && !gain) return values;
      for (let o = 0, i = 0; o < out; o++) {
        const factor = (gamma?.[o] ?? 1) * (scale?.(o) ?? 1);
        for (let k = 0; k < inner; k++, i++) values[i]! *= factor * (gain?.[k] ?? 1);
      }
      return values;
    };
    const label = part ? `${weight}:${part.first}` : weight;
    const b = fold.bias === false ? undefined : this.#linearBias(weight, bias, out, inner, fold);
    if (!(this.int8 && fold.int8 && b)) return this.graph.gemm(x, this.derive(label, [out, inner], from, make), b);
    const rows = (...tensors: Parameters<typeof make>) => quantisedRows(make(...tensors), out, inner);
    const w = this.deriveBytes(`${label}:int8`, 'int8', [inner, out], from, (...t) =>
      transposed(rows(...t).integers, out, inner),
    );
    const scales = this.deriveBytes(`${label}:scales`, 'float32', [out], from, (...t) => rows(...t).scales);
    return this.graph.gemmBytes(this.graph.quantize(x), w, scales, b);
  }

  #linearBias(weight: string, bias: string, out: number, inner: number, fold: Fold): Value {
    const { after, scale, norm, part } = fold;
    const label = part ? `${bias}:${part.first}` : bias;
    const extra = {
      ...(after && { [after]: [out] }),
      ...(norm && { [weight]: [out, inner], [`${norm}.bias`]: [inner] }),
    };
    return this.derive(label, [out], { [bias]: [part?.of ?? out], ...extra }, (all, ...others) => {
      const values = part ? all.slice(part.first, part.first + out) : all;
      const gamma = after ? others[0] : undefined;
      const [matrix, shift] = norm ? others.slice(-2) : [];
      for (let o = 0; o < out; o++) {
        let sum = values[o]!;
        if (matrix && shift) for (let k = 0; k < inner; k++) sum += matrix[o * inner + k]! * shift[k]!;
        values[o] = sum * (gamma?.[o] ?? 1) * (scale?.(o) ?? 1);
      }
      return values;
    });
  }

  /** A square convolution; `stride` and `pad` as in PyTorch. */
  conv(
    x: Value,
    name: string,
    out: number,
    kernel: number,
    options: { stride?: number; pad?: number; bias?: boolean; type?: FloatType } = {},
  ): Value {
    const { bias = true, type = this.resident ? 'float32' : undefined, ...rest } = options;
    const w = this.tensor(`${name}.weight`, [out, x.shape[1]!, kernel, kernel], type);
    return this.graph.conv(x, w, bias ? this.tensor(`${name}.bias`, [out], type) : undefined, rest);
  }

  layerNorm(x: Value, name: string, epsilon: number): Value {
    const parameter = (part: string) => this.tensor(`${name}.${part}`, x.shape.slice(-1), 'float32');
    return this.graph.layerNorm(x, parameter('weight'), parameter('bias'), epsilon);
  }

  /** Says that a tensor of the checkpoint is known to play no part. */
  ignore(pattern: RegExp): void {
    for (const name of this.#source.tensors.keys()) if (pattern.test(name)) this.#used.add(name);
  }

  /** @throws DepthcastError BAD_CHECKPOINT when tensors are left over: then this is another network than it seems. */
  finish(): void {
    const left = [...this.#source.tensors.keys()].filter((name) => !this.#used.has(name));
    if (left.length > 0)
      throw bad(`${left.length} tensors are not part of this network: ${left.slice(0, 3).join(', ')}`);
  }

  #expect(name: string, shape: readonly number[]): void {
    const tensor = this.#source.tensors.get(name);
    if (!tensor) throw bad(`there is no tensor ${name}`);
    if (tensor.shape.join() !== shape.join()) throw bad(`${name} is [${tensor.shape}], not [${shape}]`);
    this.#used.add(name);
  }
}

const bad = (detail: string): DepthcastError => new DepthcastError('BAD_CHECKPOINT', { detail });
