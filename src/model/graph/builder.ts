import { GraphNodes } from './nodes.ts';
import type { Value } from './onnx.ts';
import { broadcast, count, type Shape, same } from './shape.ts';

/** Values in bytes: (byte - zero) * step. */
export interface Bytes {
  /** uint8. */
  readonly values: Value;
  /** float32, a scalar. */
  readonly step: Value;
  /** uint8, a scalar. */
  readonly zero: Value;
}

/**
 * Builds an ONNX graph one operator at a time. Every shape is static: it is worked out and checked as the graph
 * grows, so a mistake shows at the line that makes it and not in a session's error.
 *
 * Half precision follows the rule of PyTorch's autocast: products (gemm, conv) take the weights' type, whatever sums
 * or normalises over many values (norms, softmax, residual sums with a float32 term) is float32.
 */
export class GraphBuilder extends GraphNodes {
  #bytes = new Map<string, Bytes>();

  override scan(stacks: readonly Value[], body: (slices: Value[]) => readonly Value[]): Value[] {
    // What the body has made is not seen outside it; what was there before is seen inside.
    const bytes = this.#bytes;
    this.#bytes = new Map(bytes);
    try {
      return super.scan(stacks, body);
    } finally {
      this.#bytes = bytes;
    }
  }

  // Arithmetic

  /** Two values in their common type: float32 unless both are float16. */
  #promote(a: Value, b: Value): [Value, Value] {
    return a.type === b.type ? [a, b] : [this.float(a), this.float(b)];
  }

  add(a: Value, b: Value): Value {
    return this.#elementwise('Add', a, b);
  }

  sub(a: Value, b: Value): Value {
    return this.#elementwise('Sub', a, b);
  }

  mul(a: Value, b: Value): Value {
    return this.#elementwise('Mul', a, b);
  }

  /** a where the condition (bool) holds, else b; all three broadcast. */
  where(condition: Value, a: Value, b: Value): Value {
    if (condition.type !== 'bool' || a.type !== b.type) throw mismatch('Where', a, b);
    return this.node('Where', [condition, a, b], broadcast(condition.shape, broadcast(a.shape, b.shape)), {}, a.type);
  }

  /** Repeats x along axes of length 1. */
  expand(x: Value, shape: Shape): Value {
    if (!same(broadcast(x.shape, shape), shape)) throw new Error(`Expand of [${x.shape}] to [${shape}]`);
    return this.node('Expand', [x, this.ints(shape)], shape);
  }

  /** Repeats x to a shape that is known only when the graph runs: int64[rank]. */
  expandTo(x: Value, shape: Value): Value {
    if (shape.type !== 'int64' || shape.shape.length !== 1) throw mismatch('Expand', x, shape);
    return this.node('Expand', [x, shape], Array<number>(shape.shape[0]!).fill(-1));
  }

  relu(x: Value): Value {
    return this.node('Relu', [x], x.shape);
  }

  /** The exact form, with erf. */
  gelu(x: Value): Value {
    return this.node('Gelu', [x], x.shape);
  }

  /** [.., m, k] times [.., k, n], with broadcast batch dimensions. */
  matmul(a: Value, b: Value): Value {
    const [left, right] = this.#promote(a, b);
    const [m, k] = left.shape.slice(-2);
    const [k2, n] = right.shape.slice(-2);
    if (k !== k2) throw mismatch('MatMul', left, right);
    return this.node(
      'MatMul',
      [left, right],
      [...broadcast(left.shape.slice(0, -2), right.shape.slice(0, -2)), m!, n!],
    );
  }

  /** x [m, k] times the transpose of w [n, k], plus b [n]; in the type of w. */
  gemm(x: Value, w: Value, b?: Value): Value {
    const [m, k] = x.shape;
    const [n, k2] = w.shape;
    if (x.shape.length !== 2 || k !== k2 || (b && !same(b.shape, [n!]))) throw mismatch('Gemm', x, w);
    const inputs = [this.cast(x, w.type), w, ...(b ? [b] : [])];
    return this.node('Gemm', inputs, [m!, n!], { transB: { int: 1 } });
  }

  /** As gemm, in eight bits: bytes [m, k], w int8 [k, n] with a scale for each output; sums are int32, what comes out float32. */
  gemmBytes({ values, step, zero }: Bytes, w: Value, scales: Value, b?: Value): Value {
    const [m, k] = values.shape;
    const [k2, n] = w.shape;
    if (values.shape.length !== 2 || k !== k2 || !same(scales.shape, [n!]) || (b && !same(b.shape, [n!])))
      throw mismatch('MatMulIntegerToFloat', values, w);
    const inputs = [values, w, step, scales, zero, ...(b ? [undefined, b] : [])];
    return this.node('MatMulIntegerToFloat', inputs, [m!, n!], {}, 'float32');
  }

  /** x in bytes whose steps span its range in this frame and 0. */
  quantize(x: Value): Bytes {
    const known = this.#bytes.get(x.name);
    if (known) return known;
    const [values, step, zero] = this.operator('DynamicQuantizeLinear', [this.float(x)], [x.shape, [], []], {}, [
      'uint8',
      'float32',
      'uint8',
    ]) as [Value, Value, Value];
    const bytes = { values, step, zero };
    this.#bytes.set(x.name, bytes);
    return bytes;
  }

  /** relu(x) in bytes whose steps span its range in this frame. */
  quantizeRelu(x: Value): Bytes {
    const one = (name: string, value: number) => this.weight(name, [], () => Float32Array.of(value), 'float32');
    const most = this.node('ReduceMax', [this.float(x)], [], { keepdims: { int: 0 } });
    // A map without positive values has steps of any size.
    const step = this.mul(this.#elementwise('Max', most, one('least range', 1e-20)), one('1/255', 1 / 255));
    const zero = this.bytes('uint8:0', 'uint8', [], () => new Uint8Array(1));
    return { values: this.node('QuantizeLinear', [this.float(x), step, zero], x.shape, {}, 'uint8'), step, zero };
  }

  /** softmax(q k^T) v for each head, onnxruntime's own operator: q, k, v [1, tokens, heads * width], q scaled already. */
  attention(q: Value, k: Value, v: Value, heads: number): Value {
    if (!same(q.shape, k.shape) || !same(q.shape, v.shape) || q.shape[2]! % heads !== 0)
      throw mismatch('MultiHeadAttention', q, k);
    return this.node('MultiHeadAttention', [q, k, v], q.shape, { num_heads: { int: heads }, scale: { float: 1 } });
  }

  /** To the nearest integer, halves to the even one. */
  round(x: Value): Value {
    return this.node('Round', [x], x.shape);
  }

  clip(x: Value, low: Value, high: Value): Value {
    return this.node('Clip', [x, low, high], x.shape);
  }

  /** int8 to float32: x * step. */
  dequantize(x: Value, step: Value): Value {
    return this.node('DequantizeLinear', [x, step], x.shape, {}, 'float32');
  }

  reduceSum(x: Value, axis: number): Value {
    const shape = x.shape.with(axis, 1);
    return this.node('ReduceSum', [x, this.ints([axis])], shape, { keepdims: { int: 1 } });
  }

  // Normalisation: always float32

  softmax(x: Value): Value {
    return this.node('Softmax', [this.float(x)], x.shape, { axis: { int: -1 } });
  }

  layerNorm(x: Value, scale: Value, bias: Value, epsilon: number): Value {
    if (!same(scale.shape, x.shape.slice(-1))) throw mismatch('LayerNormalization', x, scale);
    const attributes = { axis: { int: -1 }, epsilon: { float: epsilon } };
    return this.node('LayerNormalization', [this.float(x), scale, bias], x.shape, attributes);
  }

  /** x [n, c, l]: each [l] to mean 0 and variance 1. */
  instanceNorm(x: Value, epsilon: number): Value {
    const [, channels] = x.shape;
    const one = this.weight(`ones:${channels}`, [channels!], () => new Float32Array(channels!).fill(1), 'float32');
    const zero = this.weight(`zeros:${channels}`, [channels!], () => new Float32Array(channels!), 'float32');
    return this.node('InstanceNormalization', [this.float(x), one, zero], x.shape, { epsilon: { float: epsilon } });
  }

  /** x less its mean along the last axis. */
  centre(x: Value): Value {
    const mean = this.node('ReduceMean', [x, this.ints([-1])], [...x.shape.slice(0, -1), 1], { keepdims: { int: 1 } });
    return this.sub(x, mean);
  }

  // Pictures: x [n, c, h, w]

  /** w [out, c, k, k] with b [out]; in the type of w. */
  conv(x: Value, w: Value, b: Value | undefined, { stride = 1, pad = 0 } = {}): Value {
    const [n, c, height, width] = x.shape;
    const [out, c2, kernel] = w.shape;
    if (c !== c2 || w.shape[3] !== kernel || (b && !same(b.shape, [out!]))) throw mismatch('Conv', x, w);
    const size = (side: number) => Math.floor((side + 2 * pad - kernel!) / stride) + 1;
    return this.node('Conv', [this.cast(x, w.type), w, ...(b ? [b] : [])], [n!, out!, size(height!), size(width!)], {
      kernel_shape: { ints: [kernel!, kernel!] },
      strides: { ints: [stride, stride] },
      pads: { ints: [pad, pad, pad, pad] },
    });
  }

  /** w [c, out, k, k] with b [out] and stride k: every pixel becomes a tile of k x k. */
  convTranspose(x: Value, w: Value, b: Value, stride: number): Value {
    const [n, c, height, width] = x.shape;
    const [c2, out, kernel] = w.shape;
    if (c !== c2 || kernel !== stride || w.shape[3] !== stride || !same(b.shape, [out!]))
      throw mismatch('ConvTranspose', x, w);
    return this.node('ConvTranspose', [this.cast(x, w.type), w, b], [n!, out!, height! * stride, width! * stride], {
      kernel_shape: { ints: [stride, stride] },
      strides: { ints: [stride, stride] },
    });
  }

  /** Bilinear, the corners of both pictures on top of each other. */
  resize(x: Value, height: number, width: number): Value {
    const [n, c] = x.shape;
    const shape = [n!, c!, height, width];
    return same(shape, x.shape) ? x : this.#resize(x, shape);
  }

  #resize(x: Value, shape: Shape): Value {
    return this.node('Resize', [x, undefined, undefined, this.ints(shape)], shape, {
      mode: { text: 'linear' },
      coordinate_transformation_mode: { text: 'align_corners' },
    });
  }

  /** As resize, of a map whose channels are last, [n, h, w, c], which onnxruntime does in a third of the time on a CPU. */
  resizeLast(x: Value, height: number, width: number): Value {
    const [n, , , c] = x.shape;
    const shape = [n!, height, width, c!];
    return same(shape, x.shape) ? x : this.#resize(x, shape);
  }

  // Shape

  reshape(x: Value, shape: Shape): Value {
    if (count(shape) !== count(x.shape)) throw new Error(`Reshape of [${x.shape}] to [${shape}]`);
    return same(shape, x.shape) ? x : this.node('Reshape', [x, this.ints(shape)], shape);
  }

  transpose(x: Value, order: readonly number[]): Value {
    if (!same([...order].sort(), [...x.shape.keys()])) throw new Error(`Transpose of [${x.shape}] by [${order}]`);
    return this.node(
      'Transpose',
      [x],
      order.map((axis) => x.shape[axis]!),
      { perm: { ints: order } },
    );
  }

  concat(parts: readonly Value[], axis: number): Value {
    const [first] = parts;
    for (const part of parts)
      if (part.type !== first!.type || !same(part.shape.with(axis, 0), first!.shape.with(axis, 0)))
        throw mismatch('Concat', first!, part);
    const length = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
    return this.node('Concat', parts, first!.shape.with(axis, length), { axis: { int: axis } });
  }

  split(x: Value, axis: number, lengths: readonly number[]): Value[] {
    if (lengths.reduce((a, b) => a + b, 0) !== x.shape[axis]) throw new Error(`Split of [${x.shape}] into ${lengths}`);
    const shapes = lengths.map((length) => x.shape.with(axis, length));
    return this.operator('Split', [x, this.ints(lengths)], shapes, { axis: { int: axis } }, x.type);
  }

  slice(x: Value, axis: number, start: number, end: number): Value {
    if (!(start >= 0 && start < end && end <= x.shape[axis]!))
      throw new Error(`Slice of [${x.shape}] at ${start}:${end}`);
    const inputs = [x, this.ints([start]), this.ints([end]), this.ints([axis])];
    return this.node('Slice', inputs, x.shape.with(axis, end - start));
  }

  /** Picks rows of `x` along an axis. */
  gather(x: Value, indices: Value, axis: number): Value {
    if (indices.type !== 'int64' && indices.type !== 'int32') throw mismatch('Gather', x, indices);
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return this.node('Gather', [x, indices], shape, { axis: { int: axis } });
  }

  #elementwise(op: string, a: Value, b: Value): Value {
    const [left, right] = this.#promote(a, b);
    return this.node(op, [left, right], broadcast(left.shape, right.shape));
  }
}

const mismatch = (op: string, a: Value, b: Value): Error =>
  new Error(`${op} of ${a.name} ${a.type}[${a.shape}] and ${b.name} ${b.type}[${b.shape}]`);
