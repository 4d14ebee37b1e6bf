import { ringLength } from '../ring-window.ts';
import type { WindowRule } from '../window.ts';
import { positionTable, queryOf, transposeHeads } from './absorbed.ts';
import type { NetworkConfig } from './config.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';
import type { TemporalAttention } from './temporal.ts';

/** What says where a stream is in its ring; see RingStep. With `batch` streams each row is one stream's. */
interface RingInputs {
  readonly slots: Value;
  readonly mask: Value;
  readonly here: Value;
  readonly write: Value;
}

/**
 * Attention as in StreamingAttention, for states that stay on a device: the graph itself puts this frame's states into
 * the ring, n_i = Where(write, h, c_i), and attends to the ring alone. Nothing is scattered, shifted or concatenated.
 * In a batch every stream has rings of its own, c_i_b, so that streams may come and go.
 */
export class ResidentAttention implements TemporalAttention {
  /** The written rings, one for each cache of each stream: name, and [places, ring, channels]. */
  readonly rings: { name: string; value: Value }[] = [];
  readonly #layers: Layers;
  readonly #config: NetworkConfig;
  readonly #batch: number;
  readonly #ring: number;
  readonly #inputs: readonly RingInputs[];
  #caches = 0;

  constructor(layers: Layers, config: NetworkConfig, rule: WindowRule, batch = 1) {
    const { graph } = layers;
    this.#layers = layers;
    this.#config = config;
    this.#batch = batch;
    this.#ring = ringLength(rule);
    const slots = graph.input('slots', 'int64', batch === 1 ? [this.#ring] : [batch, this.#ring]);
    const mask = graph.input('mask', 'float32', batch === 1 ? [this.#ring] : [batch, this.#ring]);
    const here = graph.input('here', 'int64', [batch]);
    const write = graph.input('write', 'bool', [batch, this.#ring, 1]);
    const row = (all: Value, b: number, shape: readonly number[]) =>
      batch === 1 ? all : graph.reshape(graph.slice(all, 0, b, b + 1), shape);
    this.#inputs = Array.from({ length: batch }, (_, b) => ({
      slots: row(slots, b, [this.#ring]),
      mask: row(mask, b, [this.#ring]),
      here: row(here, b, [1]),
      write: row(write, b, [1, this.#ring, 1]),
    }));
  }

  attend(hidden: Value, name: string): Value {
    const { graph } = this.#layers;
    const [rows, channels] = hidden.shape as [number, number];
    const places = rows / this.#batch;
    const cache = this.#caches++;
    if (this.#batch === 1) return this.#attendOne(hidden, name, this.#inputs[0]!, `${cache}`);
    const lengths = Array<number>(this.#batch).fill(places);
    const parts = graph
      .split(hidden, 0, lengths)
      .map((part, b) =>
        this.#attendOne(graph.reshape(part, [places, channels]), name, this.#inputs[b]!, `${cache}_${b}`),
      );
    return graph.concat(parts, 0);
  }

  #attendOne(hidden: Value, name: string, { slots, mask, here, write }: RingInputs, cache: string): Value {
    const layers = this.#layers;
    const config = this.#config;
    const { graph } = layers;
    const { temporalHeads: heads } = config;
    const [places, channels] = hidden.shape as [number, number];
    const width = channels / heads;

    const old = graph.input(`c${cache}`, 'float32', [places, this.#ring, channels]);
    const ring = graph.where(write, graph.reshape(graph.float(hidden), [places, 1, channels]), old);
    this.rings.push({ name: `n${cache}`, value: ring });

    const q = queryOf(layers, config, name, hidden, here);

    // Scores [places, heads, ring]: by position, then by content.
    const keyTable = graph.gather(positionTable(layers, config, `${name}.to_k`, name, channels), slots, 1);
    const byPosition = graph.add(graph.matmul(q, graph.transpose(keyTable, [0, 2, 1])), mask);
    const wk = this.#byHead(`${name}.to_k`, [heads, width, channels], (w) => w);
    const absorbed = graph.transpose(graph.matmul(q, wk), [1, 2, 0]);
    const byContent = graph.matmul(ring, absorbed);
    const scores = graph.add(graph.transpose(byContent, [0, 2, 1]), graph.transpose(byPosition, [1, 0, 2]));
    const weights = graph.softmax(scores);

    // Mixed states [places, heads, channels], then through each head's values.
    const mixed = graph.matmul(weights, ring);
    const wv = this.#byHead(`${name}.to_v`, [heads, channels, width], (w) => transposeHeads(w, heads, width, channels));
    const valueTable = graph.gather(positionTable(layers, config, `${name}.to_v`, name, channels), slots, 1);
    const ofPositions = graph.matmul(graph.transpose(weights, [1, 0, 2]), valueTable);
    const out = graph.add(graph.matmul(graph.transpose(mixed, [1, 0, 2]), wv), ofPositions);
    return graph.reshape(graph.transpose(out, [1, 0, 2]), [places, channels]);
  }

  #byHead(projection: string, shape: readonly number[], order: (w: Float32Array) => Float32Array): Value {
    const side = shape[0]! * Math.min(shape[1]!, shape[2]!);
    const from = { [`${projection}.weight`]: [side, side] };
    return this.#layers.derive(`${projection}:heads`, shape, from, order, 'float32');
  }
}
