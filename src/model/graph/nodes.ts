import { toHalves } from './float16.ts';
import {
  type Attribute,
  CONTRIB_DOMAIN,
  DATA_TYPE,
  type DataType,
  type GraphNode,
  type Initializer,
  type OnnxModel,
  type Value,
} from './onnx.ts';
import { count, type Shape, same } from './shape.ts';

/** Element type of weights and of the products made with them. */
export type FloatType = 'float32' | 'float16';

/** Operators of onnxruntime's own. */
const CONTRIB: ReadonlySet<string> = new Set(['MatMulIntegerToFloat', 'MultiHeadAttention']);

/** What a graph consists of: named nodes, constants, inputs and outputs. The operators are GraphBuilder's. */
export class GraphNodes {
  readonly precision: FloatType;
  #nodes: GraphNode[] = [];
  readonly #inputs: Value[] = [];
  readonly #outputs: Value[] = [];
  readonly #initializers = new Map<string, Initializer>();
  #casts = new Map<string, Value>();
  readonly #scope: string[] = [];
  #count = 0;

  constructor(precision: FloatType = 'float32') {
    this.precision = precision;
  }

  /** Names the nodes that `build` adds after the part of the network they belong to. */
  scope<T>(label: string, build: () => T): T {
    this.#scope.push(label);
    try {
      return build();
    } finally {
      this.#scope.pop();
    }
  }

  finish(name: string, metadata: Record<string, string>): OnnxModel {
    const initializers = [...this.#initializers.values()];
    return { name, nodes: this.#nodes, inputs: this.#inputs, outputs: this.#outputs, initializers, metadata };
  }

  // Borders

  input(name: string, type: DataType, shape: Shape): Value {
    const value = { name, type, shape };
    this.#inputs.push(value);
    return value;
  }

  /** Puts a value out under a name of its own; float16 leaves as float32. */
  output(name: string, value: Value): void {
    const { shape } = value;
    const type = value.type === 'float16' ? 'float32' : value.type;
    this.#nodes.push({
      op: 'Identity',
      name,
      inputs: [this.cast(value, type).name],
      outputs: [name],
      attributes: {},
      domain: '',
    });
    this.#outputs.push({ name, type, shape });
  }

  // Constants

  /** A constant whose values are made when the model is written. The same name is the same constant. */
  weight(name: string, shape: Shape, make: () => Float32Array, type: FloatType = this.precision): Value {
    const checked = () => {
      const values = make();
      if (values.length !== count(shape)) throw new Error(`${name}: ${values.length} values for [${shape}]`);
      return asBytes(type === 'float16' ? toHalves(values) : values);
    };
    return this.#initializer({ name: type === this.precision ? name : `${name}:${type}`, type, shape, make: checked });
  }

  ints(values: readonly number[]): Value {
    const make = () => asBytes(BigInt64Array.from(values, BigInt));
    return this.#initializer({ name: `ints:${values}`, type: 'int64', shape: [values.length], make });
  }

  /** As `weight`, with elements that are stored as they are made. */
  bytes(
    name: string,
    type: DataType,
    shape: Shape,
    make: () => Int8Array | Uint8Array | Int32Array | Float32Array,
  ): Value {
    return this.#initializer({ name, type, shape, make: () => asBytes(make()) });
  }

  #initializer(initializer: Initializer): Value {
    const known = this.#initializers.get(initializer.name);
    if (known && !(known.type === initializer.type && same(known.shape, initializer.shape)))
      throw new Error(`${initializer.name} is two different constants`);
    if (!known) this.#initializers.set(initializer.name, initializer);
    return known ?? initializer;
  }

  // Element types

  cast(x: Value, type: DataType): Value {
    if (x.type === type) return x;
    const key = `${x.name}:${type}`;
    const known = this.#casts.get(key);
    if (known) return known;
    const cast = this.node('Cast', [x], x.shape, { to: { int: DATA_TYPE[type] } }, type);
    this.#casts.set(key, cast);
    return cast;
  }

  float(x: Value): Value {
    return this.cast(x, 'float32');
  }

  // Nodes

  /**
   * Runs `body` on one slice after the other along the first axis and stacks what it returns: memory for one slice's
   * intermediate values, whatever the number of slices.
   */
  scan(stacks: readonly Value[], body: (slices: Value[]) => readonly Value[]): Value[] {
    const [length] = stacks[0]!.shape;
    for (const stack of stacks)
      if (stack.shape[0] !== length) throw new Error(`Scan over ${length} and ${stack.shape[0]} slices`);
    const [nodes, casts] = [this.#nodes, this.#casts];
    const name = this.#name('Scan');
    const inputs = stacks.map(({ type, shape }, i) => ({ name: `${name}/in${i}`, type, shape: shape.slice(1) }));
    this.#nodes = [];
    this.#casts = new Map(casts);
    const outputs = body(inputs);
    const graph = { name, nodes: this.#nodes, inputs, outputs };
    [this.#nodes, this.#casts] = [nodes, casts];
    const stacked = outputs.map(({ type, shape }, i) => ({ name: `${name}:${i}`, type, shape: [length!, ...shape] }));
    const names = { inputs: stacks.map((stack) => stack.name), outputs: stacked.map((value) => value.name) };
    const attributes = { body: { graph }, num_scan_inputs: { int: stacks.length } };
    this.#nodes.push({ op: 'Scan', name, ...names, attributes, domain: '' });
    return stacked;
  }

  #name(op: string): string {
    return `${[...this.#scope, op].join('/')}_${this.#count++}`;
  }

  protected node(
    op: string,
    inputs: readonly (Value | undefined)[],
    shape: Shape,
    attributes: Record<string, Attribute> = {},
    type: DataType = inputs[0]!.type,
  ): Value {
    return this.operator(op, inputs, [shape], attributes, type)[0]!;
  }

  protected operator(
    op: string,
    inputs: readonly (Value | undefined)[],
    shapes: readonly Shape[],
    attributes: Record<string, Attribute>,
    types: DataType | readonly DataType[],
  ): Value[] {
    const name = this.#name(op);
    const outputs = shapes.map((shape, i) => ({
      name: shapes.length > 1 ? `${name}:${i}` : name,
      type: typeof types === 'string' ? types : types[i]!,
      shape,
    }));
    const names = { inputs: inputs.map((input) => input?.name ?? ''), outputs: outputs.map((output) => output.name) };
    this.#nodes.push({ op, name, ...names, attributes, domain: CONTRIB.has(op) ? CONTRIB_DOMAIN : '' });
    return outputs;
  }
}

type Elements = Float32Array | Uint16Array | BigInt64Array | Int8Array | Uint8Array | Int32Array;

const asBytes = (values: Elements): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
