import { ProtoMessage } from './protobuf.ts';

/** Element types used here, with their TensorProto.DataType. */
export const DATA_TYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
} as const;
const ELEMENT_BYTES = { float32: 4, uint8: 1, int8: 1, int16: 2, int32: 4, int64: 8, bool: 1, float16: 2 } as const;

export type DataType = keyof typeof DATA_TYPE;

/** A tensor in the graph: an input, a constant or what a node puts out. */
export interface Value {
  readonly name: string;
  readonly type: DataType;
  /** Negative for an axis that is left open. */
  readonly shape: readonly number[];
}

export type Attribute =
  | { int: number }
  | { float: number }
  | { text: string }
  | { ints: readonly number[] }
  | { graph: Subgraph };

/** What a control-flow operator repeats. It sees the constants and values of the graph around it. */
export interface Subgraph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

export interface GraphNode {
  readonly op: string;
  readonly name: string;
  /** Empty for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Operator set; empty for the standard one. */
  readonly domain: string;
}

/** A constant whose values are made when it is written, and not kept. */
export interface Initializer extends Value {
  readonly make: () => Uint8Array;
}

export interface OnnxModel extends Subgraph {
  readonly initializers: readonly Initializer[];
  /** Kept in metadata_props. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** onnxruntime 1.17 and later. Opset 20 is the first with Gelu. */
const OPSET = 20;
const IR_VERSION = 9;
export const CONTRIB_DOMAIN = 'com.microsoft';

/** Where an initializer's bytes are when they do not stand in the model file. */
export interface ExternalData {
  readonly file: string;
  readonly offset: number;
}

export const byteLength = ({ type, shape }: Value): number => shape.reduce((n, side) => n * side, ELEMENT_BYTES[type]);

/**
 * The ModelProto (github.com/onnx/onnx, onnx.proto).
 * @param place decides per initializer: its place in another file, or undefined to put its values here.
 */
export function encodeModel(
  model: OnnxModel,
  place: (initializer: Initializer) => ExternalData | undefined = () => undefined,
): Uint8Array {
  const graph = encodeGraph(model);
  for (const initializer of model.initializers) graph.message(5, encodeInitializer(initializer, place(initializer)));
  const proto = new ProtoMessage().int(1, IR_VERSION).text(2, 'depthcast').message(7, graph);
  proto.message(8, new ProtoMessage().text(1, '').int(2, OPSET));
  proto.message(8, new ProtoMessage().text(1, CONTRIB_DOMAIN).int(2, 1));
  for (const [key, value] of Object.entries(model.metadata)) proto.message(14, entry(key, value));
  return proto.finish();
}

const entry = (key: string, value: string): ProtoMessage => new ProtoMessage().text(1, key).text(2, value);

function encodeGraph({ name, nodes, inputs, outputs }: Subgraph): ProtoMessage {
  const graph = new ProtoMessage();
  for (const node of nodes) graph.message(1, encodeNode(node));
  graph.text(2, name);
  for (const input of inputs) graph.message(11, encodeValue(input));
  for (const output of outputs) graph.message(12, encodeValue(output));
  return graph;
}

function encodeNode({ op, name, inputs, outputs, attributes, domain }: GraphNode): ProtoMessage {
  const node = new ProtoMessage();
  for (const input of inputs) node.text(1, input);
  for (const output of outputs) node.text(2, output);
  node.text(3, name).text(4, op);
  for (const [key, value] of Object.entries(attributes)) node.message(5, encodeAttribute(key, value));
  return domain ? node.text(7, domain) : node;
}

function encodeAttribute(name: string, value: Attribute): ProtoMessage {
  const attribute = new ProtoMessage().text(1, name);
  if ('float' in value) return attribute.float(2, value.float).int(20, 1);
  if ('int' in value) return attribute.int(3, value.int).int(20, 2);
  if ('text' in value) return attribute.text(4, value.text).int(20, 3);
  if ('graph' in value) return attribute.message(6, encodeGraph(value.graph)).int(20, 5);
  for (const int of value.ints) attribute.int(8, int);
  return attribute.int(20, 7);
}

function encodeInitializer(initializer: Initializer, external: ExternalData | undefined): ProtoMessage {
  const tensor = new ProtoMessage();
  for (const side of initializer.shape) tensor.int(1, side);
  tensor.int(2, DATA_TYPE[initializer.type]).text(8, initializer.name);
  if (!external) return tensor.bytes(9, initializer.make());
  const { file, offset } = external;
  for (const [key, value] of Object.entries({ location: file, offset, length: byteLength(initializer) }))
    tensor.message(13, entry(key, String(value)));
  return tensor.int(14, 1);
}

function encodeValue({ name, type, shape }: Value): ProtoMessage {
  const dimensions = new ProtoMessage();
  for (const [axis, side] of shape.entries()) {
    const length = new ProtoMessage();
    dimensions.message(1, side < 0 ? length.text(2, `side${axis}`) : length.int(1, side));
  }
  const tensor = new ProtoMessage().int(1, DATA_TYPE[type]).message(2, dimensions);
  return new ProtoMessage().text(1, name).message(2, new ProtoMessage().message(1, tensor));
}
