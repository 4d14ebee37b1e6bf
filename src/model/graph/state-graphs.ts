import { GraphBuilder } from './builder.ts';
import { encodeModel } from './onnx.ts';

// Small graphs that keep a stream's states on a device, around a network that does not write them itself.

export interface CacheLayout {
  readonly tokens: number;
  readonly slots: number;
  readonly channels: number;
}

/**
 * Takes a frame's states into its caches, as StateCache.store does, without scattering:
 *
 *     n_i = Where(write, h_i, Where(far, e_i[from], c_i))      m_i = Where(keep, c_i[slot], e_i)
 *
 * in: h_i [tokens, 1, channels], c_i [tokens, slots, channels], write bool[1, slots, 1]; and where there is a delay line,
 * e_i [tokens, delay, channels], far bool[1, slots, 1], keep bool[1, delay, 1], from int64[1], slot int64[1].
 * out: n_i as c_i, m_i as e_i. Inputs and outputs must not share memory.
 */
export function updateGraph(caches: readonly CacheLayout[], delay: number): Uint8Array {
  const graph = new GraphBuilder();
  const slots = caches[0]?.slots ?? 1;
  const write = graph.input('write', 'bool', [1, slots, 1]);
  const line = delay > 0 && {
    keep: graph.input('keep', 'bool', [1, delay, 1]),
    far: graph.input('far', 'bool', [1, slots, 1]),
    from: graph.input('from', 'int64', [1]),
    slot: graph.input('slot', 'int64', [1]),
  };
  caches.forEach(({ tokens, channels }, i) => {
    const h = graph.input(`h${i}`, 'float32', [tokens, 1, channels]);
    const c = graph.input(`c${i}`, 'float32', [tokens, slots, channels]);
    if (!line) {
      graph.output(`n${i}`, graph.where(write, h, c));
      return;
    }
    const e = graph.input(`e${i}`, 'float32', [tokens, delay, channels]);
    const aged = graph.where(line.far, graph.gather(e, line.from, 1), c);
    graph.output(`n${i}`, graph.where(write, h, aged));
    graph.output(`m${i}`, graph.where(line.keep, graph.gather(c, line.slot, 1), e));
  });
  return encodeModel(graph.finish('update', {}));
}

/** n_i = c_i, or zeros where `keep` bool[1, 1, 1] is false, whatever c_i holds. */
export function copyGraph(shapes: readonly { readonly name: string; readonly shape: readonly number[] }[]): Uint8Array {
  const graph = new GraphBuilder();
  const keep = graph.input('keep', 'bool', [1, 1, 1]);
  const zero = graph.weight('zero', [1, 1, 1], () => new Float32Array(1), 'float32');
  for (const { name, shape } of shapes)
    graph.output(`to_${name}`, graph.where(keep, graph.input(name, 'float32', shape), zero));
  return encodeModel(graph.finish('copy', {}));
}

/** Zeros of any shape of one rank: memory of a device, where only a graph's outputs are. in: zero float32[1], shape int64[rank]. */
export function zerosGraph(rank: number): Uint8Array {
  const graph = new GraphBuilder();
  graph.output('zeros', graph.expandTo(graph.input('zero', 'float32', [1]), graph.input('shape', 'int64', [rank])));
  return encodeModel(graph.finish('zeros', {}));
}
