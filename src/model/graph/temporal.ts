import type { NetworkConfig } from './config.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';

/**
 * Video Depth Anything's temporal (motion) modules (arXiv:2501.12375, after AnimateDiff): at each place of a feature
 * map, attention along time. A module is group norm, projection, attentions, a gated MLP and projection, added to
 * its input.
 */

/** How an attention sees time; see streamingAttention and offlineAttention. */
export interface TemporalAttention {
  /**
   * @param hidden [frames * places, channels] after the layer norm.
   * @param name of the attention in the state dict.
   * @param norm of that layer norm.
   * @returns [frames * places, channels] before the output projection.
   */
  attend(hidden: Value, name: string, norm: string): Value;
}

const GROUPS = 32;
const GROUP_EPSILON = 1e-6;
const LAYER_EPSILON = 1e-5;
/** The MLP's hidden channels are this many times the module's. */
const EXPANSION = 4;

/** @param map [frames, channels, height, width]. */
export function temporalModule(
  layers: Layers,
  config: NetworkConfig,
  map: Value,
  index: number,
  attention: TemporalAttention,
): Value {
  const { graph } = layers;
  const [frames, channels, height, width] = map.shape as [number, number, number, number];
  const places = height * width;
  const name = `head.motion_modules.${index}.temporal_transformer`;
  const block = `${name}.transformer_blocks.0`;

  const groups = graph.float(graph.reshape(map, [frames, GROUPS, (channels / GROUPS) * places]));
  // Devices take the variance as E[x^2] - E[x]^2: of a group that hardly varies nothing but rounding would be left.
  const steady = layers.resident ? graph.centre(groups) : groups;
  const normed = graph.reshape(graph.instanceNorm(steady, GROUP_EPSILON), [frames, channels, places]);
  const rows = graph.reshape(graph.transpose(normed, [0, 2, 1]), [frames * places, channels]);
  let x = layers.linear(rows, `${name}.proj_in`, channels, { norm: `${name}.norm` });
  for (let k = 0; k < config.temporalAttentions; k++) {
    const norm = `${block}.norms.${k}`;
    const hidden = layers.layerNorm(x, norm, LAYER_EPSILON);
    const attended = attention.attend(hidden, `${block}.attention_blocks.${k}`, norm);
    x = graph.add(graph.float(x), layers.linear(attended, `${block}.attention_blocks.${k}.to_out.0`, channels));
  }
  const [value, gate] = expand(
    layers,
    layers.layerNorm(x, `${block}.ff_norm`, LAYER_EPSILON),
    `${block}.ff.net.0.proj`,
  );
  x = graph.add(x, layers.linear(graph.mul(value, graph.gelu(gate)), `${block}.ff.net.2`, channels));
  const out = graph.reshape(layers.linear(x, `${name}.proj_out`, channels), [frames, places, channels]);
  return graph.add(graph.reshape(graph.transpose(out, [0, 2, 1]), map.shape), map);
}

/** The MLP's two hidden halves [rows, EXPANSION * channels] each. */
function expand(layers: Layers, x: Value, name: string): [value: Value, gate: Value] {
  const { graph } = layers;
  const hidden = EXPANSION * x.shape[1]!;
  const both = 2 * hidden;
  if (!layers.contrib)
    return graph.split(layers.linear(x, name, both, { int8: true }), 1, [hidden, hidden]) as [Value, Value];
  // Two products instead of one whose columns would have to be copied apart.
  const half = (first: number) => layers.linear(x, name, hidden, { part: { first, of: both }, int8: true });
  return [half(0), half(hidden)];
}

/** All frames of a window against each other. */
export class OfflineAttention implements TemporalAttention {
  readonly #layers: Layers;
  readonly #config: NetworkConfig;

  constructor(layers: Layers, config: NetworkConfig) {
    this.#layers = layers;
    this.#config = config;
  }

  attend(hidden: Value, name: string): Value {
    const layers = this.#layers;
    const { graph } = layers;
    const { frames, temporalHeads: heads } = this.#config;
    const [rows, channels] = hidden.shape as [number, number];
    const places = rows / frames;
    const width = channels / heads;
    const sines = layers.tensor(`${name}.pos_encoder.pe`, [1, frames, channels], 'float32');
    const positions = graph.reshape(sines, [frames, 1, channels]);
    const positioned = graph.add(graph.reshape(hidden, [frames, places, channels]), positions);
    const flat = graph.reshape(positioned, [rows, channels]);
    const shape = [frames, places, heads, width];
    const project = (part: string, scale: number) =>
      graph.reshape(layers.linear(flat, `${name}.to_${part}`, channels, { bias: false, scale: () => scale }), shape);
    const q = graph.transpose(project('q', width ** -0.5), [1, 2, 0, 3]);
    const k = graph.transpose(project('k', 1), [1, 2, 3, 0]);
    const v = graph.transpose(project('v', 1), [1, 2, 0, 3]);
    const mixed = graph.matmul(graph.cast(graph.softmax(graph.matmul(q, k)), graph.precision), v);
    return graph.reshape(graph.transpose(mixed, [2, 0, 1, 3]), [rows, channels]);
  }
}
