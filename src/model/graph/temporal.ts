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
   * @returns [frames * places, channels] before the output projection.
   */
  attend(hidden: Value, name: string): Value;
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

  const groups = graph.reshape(map, [frames, GROUPS, (channels / GROUPS) * places]);
  const normed = graph.reshape(graph.instanceNorm(groups, GROUP_EPSILON), [frames, channels, places]);
  const rows = graph.reshape(graph.transpose(normed, [0, 2, 1]), [frames * places, channels]);
  let x = layers.linear(rows, `${name}.proj_in`, channels, { norm: `${name}.norm` });
  for (let k = 0; k < config.temporalAttentions; k++) {
    const attended = attention.attend(
      layers.layerNorm(x, `${block}.norms.${k}`, LAYER_EPSILON),
      `${block}.attention_blocks.${k}`,
    );
    x = graph.add(graph.float(x), layers.linear(attended, `${block}.attention_blocks.${k}.to_out.0`, channels));
  }
  const expanded = layers.linear(
    layers.layerNorm(x, `${block}.ff_norm`, LAYER_EPSILON),
    `${block}.ff.net.0.proj`,
    2 * EXPANSION * channels,
  );
  const [value, gate] = graph.split(expanded, 1, [EXPANSION * channels, EXPANSION * channels]);
  x = graph.add(x, layers.linear(graph.mul(value!, graph.gelu(gate!)), `${block}.ff.net.2`, channels));
  const out = graph.reshape(layers.linear(x, `${name}.proj_out`, channels), [frames, places, channels]);
  return graph.add(graph.reshape(graph.transpose(out, [0, 2, 1]), map.shape), map);
}

/** What a streaming graph takes and gives for one attention. */
export interface CachePort {
  /** [places, window - 1, channels]. */
  readonly cache: Value;
  /** [places, 1, channels]. */
  readonly state: Value;
}

/**
 * One frame against the cached states of earlier ones. Keys and values are never made: with states h_j and their
 * positions' rows p_j of the sine table,
 *
 *     q . Wk (h_j + p_j) = (Wk^T q) . h_j  +  q . (Wk p_j)
 *     sum_j a_j Wv (h_j + p_j) = Wv (sum_j a_j h_j)  +  sum_j a_j (Wv p_j)
 *
 * so the cache holds each state once, without position, and a slot may change its position freely. Wk p and Wv p are
 * tables made when the graph is built; the graph picks their rows by `slots`.
 */
export class StreamingAttention implements TemporalAttention {
  readonly ports: CachePort[] = [];
  readonly #layers: Layers;
  readonly #config: NetworkConfig;
  readonly #slots: Value;
  readonly #mask: Value;

  /** @param slots int64[window]; @param mask float[window]: see the streaming contract. */
  constructor(layers: Layers, config: NetworkConfig, slots: Value, mask: Value) {
    this.#layers = layers;
    this.#config = config;
    this.#slots = slots;
    this.#mask = mask;
  }

  attend(hidden: Value, name: string): Value {
    const layers = this.#layers;
    const { graph } = layers;
    const { frames: window, temporalHeads: heads } = this.#config;
    const [places, channels] = hidden.shape as [number, number];
    const width = channels / heads;
    const cache = graph.input(`c${this.ports.length}`, 'float32', [places, window - 1, channels]);
    const state = graph.reshape(hidden, [places, 1, channels]);
    this.ports.push({ cache, state });

    // The query alone is made with its position. [heads, places, width]
    const sines = layers.tensor(`${name}.pos_encoder.pe`, [1, window, channels], 'float32');
    const here = graph.slice(this.#slots, 0, window - 1, window);
    const positioned = graph.add(hidden, graph.gather(graph.reshape(sines, [window, channels]), here, 0));
    const scaled = layers.linear(positioned, `${name}.to_q`, channels, { bias: false, scale: () => width ** -0.5 });
    const q = graph.transpose(graph.float(graph.reshape(scaled, [places, heads, width])), [1, 0, 2]);

    // Scores [places, heads, window]: by position, then by content of the cache and of this frame.
    const keyTable = graph.gather(this.#positionTable(`${name}.to_k`, name, channels), this.#slots, 1);
    const byPosition = graph.add(graph.matmul(q, graph.transpose(keyTable, [0, 2, 1])), this.#mask);
    const wk = layers.derive(
      `${name}.to_k:heads`,
      [heads, width, channels],
      { [`${name}.to_k.weight`]: [channels, channels] },
      (w) => w,
      'float32',
    );
    const absorbed = graph.transpose(graph.matmul(q, wk), [1, 0, 2]);
    const ofCache = graph.matmul(absorbed, graph.transpose(cache, [0, 2, 1]));
    const ofState = graph.reduceSum(graph.mul(absorbed, state), 2);
    const scores = graph.add(graph.concat([ofCache, ofState], 2), graph.transpose(byPosition, [1, 0, 2]));
    const weights = graph.softmax(scores);

    // Mixed states [places, heads, channels], then through each head's values.
    const [past, present] = graph.split(weights, 2, [window - 1, 1]);
    const mixed = graph.transpose(graph.add(graph.matmul(past!, cache), graph.mul(present!, state)), [1, 0, 2]);
    const wv = layers.derive(
      `${name}.to_v:heads`,
      [heads, channels, width],
      { [`${name}.to_v.weight`]: [channels, channels] },
      (w) => transposeHeads(w, heads, width, channels),
      'float32',
    );
    const valueTable = graph.gather(this.#positionTable(`${name}.to_v`, name, channels), this.#slots, 1);
    const ofPositions = graph.matmul(graph.transpose(weights, [1, 0, 2]), valueTable);
    const out = graph.add(graph.matmul(mixed, wv), ofPositions);
    return graph.reshape(graph.transpose(out, [1, 0, 2]), [places, channels]);
  }

  /** [heads, window, width]: the positions' rows through a projection. */
  #positionTable(projection: string, attention: string, channels: number): Value {
    const { frames: window, temporalHeads: heads } = this.#config;
    const width = channels / heads;
    const from = {
      [`${projection}.weight`]: [channels, channels],
      [`${attention}.pos_encoder.pe`]: [1, window, channels],
    };
    const make = (w: Float32Array, sines: Float32Array) => {
      const table = new Float32Array(window * channels);
      for (let o = 0; o < channels; o++)
        for (let s = 0; s < window; s++) {
          let sum = 0;
          for (let c = 0; c < channels; c++) sum += w[o * channels + c]! * sines[s * channels + c]!;
          table[(Math.floor(o / width) * window + s) * width + (o % width)] = sum;
        }
      return table;
    };
    return this.#layers.derive(`${projection}:positions`, [heads, window, width], from, make, 'float32');
  }
}

/** [heads, width, channels] to [heads, channels, width]. */
function transposeHeads(w: Float32Array, heads: number, width: number, channels: number): Float32Array {
  const out = new Float32Array(w.length);
  for (let h = 0, from = 0; h < heads; h++)
    for (let e = 0; e < width; e++)
      for (let c = 0; c < channels; c++, from++) out[(h * channels + c) * width + e] = w[from]!;
  return out;
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
