import type { NetworkConfig } from './config.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';

// Constants of temporal attention whose projections are absorbed into queries and results; see streaming-attention.ts.

/** [heads, window, width]: the sine table's rows through a projection of an attention, by head. */
export function positionTable(
  layers: Layers,
  config: NetworkConfig,
  projection: string,
  attention: string,
  channels: number,
): Value {
  const { frames: window, temporalHeads: heads } = config;
  const width = channels / heads;
  const from = {
    [`${projection}.weight`]: [channels, channels],
    [`${attention}.pos_encoder.pe`]: [1, window, channels],
  };
  const make = (w: Float32Array, sines: Float32Array = w) => {
    const table = new Float32Array(window * channels);
    for (let o = 0; o < channels; o++)
      for (let s = 0; s < window; s++) {
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += w[o * channels + c]! * sines[s * channels + c]!;
        table[(Math.floor(o / width) * window + s) * width + (o % width)] = sum;
      }
    return table;
  };
  return layers.derive(`${projection}:positions`, [heads, window, width], from, make, 'float32');
}

/** [heads, width, channels] to [heads, channels, width]. */
export function transposeHeads(w: Float32Array, heads: number, width: number, channels: number): Float32Array {
  const out = new Float32Array(w.length);
  for (let h = 0, from = 0; h < heads; h++)
    for (let e = 0; e < width; e++)
      for (let c = 0; c < channels; c++, from++) out[(h * channels + c) * width + e] = w[from]!;
  return out;
}

/**
 * The query, which alone is made with its position. [heads, places, width]
 * @param hidden [places, channels] @param here int64[1]: its slot
 */
export function queryOf(layers: Layers, config: NetworkConfig, name: string, hidden: Value, here: Value): Value {
  const { graph } = layers;
  const { frames: window, temporalHeads: heads } = config;
  const [places, channels] = hidden.shape as [number, number];
  const width = channels / heads;
  const sines = layers.tensor(`${name}.pos_encoder.pe`, [1, window, channels], 'float32');
  const positioned = graph.add(hidden, graph.gather(graph.reshape(sines, [window, channels]), here, 0));
  const scaled = layers.linear(positioned, `${name}.to_q`, channels, { bias: false, scale: () => width ** -0.5 });
  return graph.transpose(graph.float(graph.reshape(scaled, [places, heads, width])), [1, 0, 2]);
}
