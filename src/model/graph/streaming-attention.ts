import { positionTable, queryOf, transposeHeads } from './absorbed.ts';
import type { NetworkConfig } from './config.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';
import type { TemporalAttention } from './temporal.ts';

/** The cached states of one attention, and this frame's in the same units. */
interface States {
  /** What the graph is given: [places, window - 1, channels] each. */
  readonly caches: readonly Value[];
  /** This frame's, [places, 1, channels]. */
  readonly present: Value;
  /** All as float32, the present one last, [.., window, channels], of some of the places. */
  join(caches: readonly Value[], present: Value): Value;
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
 *
 * For a CPU a state is kept in 24 bits, in two caches: as an int16 in steps of its layer norm's widest possible range,
 * and the rest as an int8 in 256ths of a step; where the network's layers have eight bits, as the int16 alone. Its values are
 * then in units of that step, which is folded into Wk and Wv. Past states are read for some of the places at a time, so that
 * they are still in the processor's cache when they are used again.
 */
export class StreamingAttention implements TemporalAttention {
  /** This frame's states, one for each cache: [places, 1, channels]. */
  readonly states: Value[] = [];
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

  attend(hidden: Value, name: string, norm: string): Value {
    const layers = this.#layers;
    const config = this.#config;
    const { graph } = layers;
    const { frames: window, temporalHeads: heads } = config;
    const [places, channels] = hidden.shape as [number, number];
    const width = channels / heads;
    const states = layers.contrib ? this.#inSteps(hidden, norm) : this.#asFloats(hidden);

    const q = queryOf(layers, config, name, hidden, graph.slice(this.#slots, 0, window - 1, window));

    const keyTable = graph.gather(positionTable(layers, config, `${name}.to_k`, name, channels), this.#slots, 1);
    const byPosition = graph.add(graph.matmul(q, graph.transpose(keyTable, [0, 2, 1])), this.#mask);
    const wk = this.#byHead(`${name}.to_k`, norm, [heads, width, channels], (w) => w);
    const absorbed = graph.transpose(graph.matmul(q, wk), [1, 0, 2]);
    const [mixed, weights] = this.#mix(states, absorbed, graph.transpose(byPosition, [1, 0, 2]));
    // Each head's values of the mixed states.
    const wv = this.#byHead(`${name}.to_v`, norm, [heads, channels, width], (w) =>
      transposeHeads(w, heads, width, channels),
    );
    const valueTable = graph.gather(positionTable(layers, config, `${name}.to_v`, name, channels), this.#slots, 1);
    const ofPositions = graph.matmul(graph.transpose(weights, [1, 0, 2]), valueTable);
    const out = graph.add(graph.matmul(graph.transpose(mixed, [1, 0, 2]), wv), ofPositions);
    return graph.reshape(graph.transpose(out, [1, 0, 2]), [places, channels]);
  }

  /**
   * Attention of each place among its own states.
   * @param absorbed queries through the keys' weights [places, heads, channels]
   * @param byPosition the positions' part of the scores [places, heads, window]
   * @returns mixed states [places, heads, channels] and their weights [places, heads, window]
   */
  #mix({ caches, present, join }: States, absorbed: Value, byPosition: Value): [Value, Value] {
    const { graph } = this.#layers;
    const [places, slots, channels] = caches[0]!.shape as [number, number, number];
    const parts = partsOf(places, slots * channels * FLOAT_BYTES);
    const body = ([present, absorbed, byPosition, ...caches]: Value[]): Value[] => {
      const all = join(caches, present!);
      const byContent = graph.matmul(absorbed!, graph.transpose(all, [0, 2, 1]));
      const weights = graph.softmax(graph.add(byContent, byPosition!));
      return [graph.matmul(weights, all), weights];
    };
    const inputs = [present, absorbed, byPosition, ...caches];
    if (!this.#layers.contrib || parts === 1) return body(inputs) as [Value, Value];
    const stacks = inputs.map((x) => graph.reshape(x, [parts, places / parts, ...x.shape.slice(1)]));
    const outputs = graph.scan(stacks, body);
    return outputs.map((x) => graph.reshape(x, [places, ...x.shape.slice(2)])) as [Value, Value];
  }

  #asFloats(hidden: Value): States {
    const { graph } = this.#layers;
    const [places, channels] = hidden.shape as [number, number];
    const present = graph.reshape(hidden, [places, 1, channels]);
    return { caches: [this.#cache(present)], present, join: ([past], last) => graph.concat([past!, last], 1) };
  }

  #inSteps(hidden: Value, norm: string): States {
    const { graph, int8 } = this.#layers;
    const [places, channels] = hidden.shape as [number, number];
    const one = (name: string, value: number) => graph.weight(name, [], () => Float32Array.of(value), 'float32');
    const perStep = this.#layers.derive(
      `${norm}:steps`,
      [],
      { [`${norm}.weight`]: [channels], [`${norm}.bias`]: [channels] },
      (gain, bias) => Float32Array.of(1 / stepOf(gain, bias!)),
      'float32',
    );
    const present = graph.reshape(graph.mul(hidden, perStep), [places, 1, channels]);
    const whole = graph.round(present);
    const rounded = graph.cast(whole, 'int16');
    const high = this.#cache(rounded);
    // Half as much to copy as in float32.
    if (int8)
      return { caches: [high], present: rounded, join: ([past], last) => graph.float(graph.concat([past!, last], 1)) };
    const parts = graph.mul(graph.sub(present, whole), one('parts', PARTS));
    const rest = graph.clip(graph.round(parts), one('least', -128), one('most', 127));
    const low = this.#cache(graph.cast(rest, 'int8'));
    const part = one('part', 1 / PARTS);
    const join = ([steps, parts]: readonly Value[], last: Value) =>
      graph.concat([graph.add(graph.float(steps!), graph.dequantize(parts!, part)), last], 1);
    return { caches: [high, low], present, join };
  }

  /** A cache of states like this one. */
  #cache(state: Value): Value {
    const [places, , channels] = state.shape as [number, number, number];
    const shape = [places, this.#config.frames - 1, channels];
    return this.#layers.graph.input(`c${this.states.push(state) - 1}`, state.type, shape);
  }

  /** A projection's weights [channels, channels] by head, for states as they are cached. */
  #byHead(projection: string, norm: string, shape: readonly number[], order: (w: Float32Array) => Float32Array): Value {
    const side = shape[0]! * Math.min(shape[1]!, shape[2]!);
    const from = {
      [`${projection}.weight`]: [side, side],
      ...(this.#layers.contrib && { [`${norm}.weight`]: [side], [`${norm}.bias`]: [side] }),
    };
    const make = (w: Float32Array, gain?: Float32Array, bias?: Float32Array) => {
      const step = gain && bias ? stepOf(gain, bias) : 1;
      return order(w).map((value) => value * step);
    };
    return this.#layers.derive(`${projection}:heads`, shape, from, make, 'float32');
  }
}

const FLOAT_BYTES = 4;
/** Of past states at a time: half of what the smallest second-level caches of today's processors hold. */
const PART_BYTES = 2 ** 19;

/** Into how many equal parts places are divided, so that a part takes no more than PART_BYTES, unless one place does: far less where few numbers divide them. */
export function partsOf(places: number, bytes: number): number {
  let parts = Math.min(places, Math.ceil((places * bytes) / PART_BYTES));
  while (places % parts !== 0) parts++;
  return parts;
}

/** The small part of a state's steps. */
const PARTS = 256;
const MAX_STEPS = 32_766;

/** A layer norm of n channels puts out no more than sqrt(n) times its gain, plus its bias. */
function stepOf(gain: Float32Array, bias: Float32Array): number {
  const most = (values: Float32Array) => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return (most(gain) * Math.sqrt(gain.length) + most(bias)) / MAX_STEPS;
}
