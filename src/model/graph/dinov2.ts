import type { NetworkConfig } from './config.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';
import { interpolatePositions } from './position-embedding.ts';

/** The encoder's output at a tap: normalised tokens of the patches, and of the class. */
export interface EncoderFeatures {
  /** [batch * patches, channels], row by row. */
  readonly patches: Value;
  /** [batch, channels]. */
  readonly summary: Value;
}

const EPSILON = 1e-6;

/**
 * DINOv2 (arXiv:2304.07193), a pre-norm vision transformer without registers, on one frame or a batch of frames. LayerScale and the
 * queries' scale are folded into the weights, the position table is interpolated for this size.
 *
 * @param image [batch, 3, height, width], sides multiples of the patch.
 */
export function dinov2(layers: Layers, config: NetworkConfig, image: Value): EncoderFeatures[] {
  const { graph } = layers;
  const batch = image.shape[0]!;
  let x = graph.scope('embed', () => embed(layers, config, image));
  const tokens = x.shape[0]! / batch;
  const features: EncoderFeatures[] = [];
  for (let i = 0; i <= config.taps.at(-1)!; i++) {
    graph.scope(`block${i}`, () => {
      x = block(layers, config, x, `pretrained.blocks.${i}`, batch);
      if (!config.taps.includes(i)) return;
      const normed = layers.layerNorm(x, 'pretrained.norm', EPSILON);
      const [summary, patches] = splitClass(graph, normed, batch, tokens);
      features.push({ patches, summary });
    });
  }
  return features;
}

/** @param x [batch * tokens, channels] @returns the class tokens [batch, channels], the patches [batch * (tokens - 1), channels]. */
function splitClass(graph: Layers['graph'], x: Value, batch: number, tokens: number): [Value, Value] {
  const channels = x.shape[1]!;
  if (batch === 1) return graph.split(x, 0, [1, tokens - 1]) as [Value, Value];
  const byFrame = graph.reshape(x, [batch, tokens, channels]);
  const [first, others] = graph.split(byFrame, 1, [1, tokens - 1]) as [Value, Value];
  return [graph.reshape(first, [batch, channels]), graph.reshape(others, [batch * (tokens - 1), channels])];
}

/** [batch * (1 + patches), channels]: the class token and the patches of each frame, with their positions. */
function embed(layers: Layers, { channels, grid, patch }: NetworkConfig, image: Value): Value {
  const { graph } = layers;
  const map = layers.conv(image, 'pretrained.patch_embed.proj', channels, patch, { stride: patch });
  const [batch, , rows, columns] = map.shape as [number, number, number, number];
  const patches = rows * columns;
  const table = { 'pretrained.pos_embed': [1, 1 + grid * grid, channels] };
  const positions = layers.derive(
    'positions',
    [patches, channels],
    table,
    (values) => interpolatePositions(values, channels, grid, rows, columns).subarray(channels),
    'float32',
  );
  const token = { 'pretrained.cls_token': [1, 1, channels] };
  const classToken = layers.derive(
    'class',
    [1, channels],
    { ...token, ...table },
    (values, places) => values.map((value, i) => value + places[i]!),
    'float32',
  );
  if (batch > 1) {
    const byFrame = graph.transpose(graph.reshape(map, [batch, channels, patches]), [0, 2, 1]);
    const first = graph.expand(graph.reshape(classToken, [1, 1, channels]), [batch, 1, channels]);
    const all = graph.concat([first, graph.float(graph.add(byFrame, positions))], 1);
    return graph.reshape(all, [batch * (1 + patches), channels]);
  }
  const rowsFirst = graph.transpose(graph.reshape(map, [channels, patches]), [1, 0]);
  return graph.concat([classToken, graph.add(rowsFirst, positions)], 0);
}

function block(
  layers: Layers,
  { channels, heads, hidden }: NetworkConfig,
  x: Value,
  name: string,
  batch: number,
): Value {
  const { graph } = layers;
  const attended = attention(
    layers,
    layers.layerNorm(x, `${name}.norm1`, EPSILON),
    `${name}.attn.qkv`,
    channels,
    heads,
    batch,
  );
  const middle = graph.add(
    x,
    layers.linear(attended, `${name}.attn.proj`, channels, { after: `${name}.ls1.gamma`, int8: true }),
  );
  const inner = layers.linear(layers.layerNorm(middle, `${name}.norm2`, EPSILON), `${name}.mlp.fc1`, hidden, {
    int8: true,
  });
  const outer = layers.linear(graph.gelu(inner), `${name}.mlp.fc2`, channels, {
    after: `${name}.ls2.gamma`,
    int8: true,
  });
  return graph.add(middle, outer);
}

/** @param x [batch * tokens, channels]: the tokens of each frame among themselves. */
function attention(layers: Layers, x: Value, name: string, channels: number, heads: number, batch: number): Value {
  const { graph } = layers;
  const tokens = x.shape[0]! / batch;
  const width = channels / heads;
  const scale = width ** -0.5;
  if (layers.contrib) {
    // Three products instead of one whose columns would have to be copied apart.
    const [q, k, v] = [0, 1, 2].map((third) => {
      const fold = { ...(third === 0 && { scale: () => scale }), part: { first: third * channels, of: 3 * channels } };
      return graph.reshape(layers.linear(x, name, channels, { ...fold, int8: true }), [batch, tokens, channels]);
    }) as [Value, Value, Value];
    return graph.reshape(graph.attention(q, k, v, heads), [batch * tokens, channels]);
  }
  const queryScale = (output: number) => (output < channels ? scale : 1);
  const [q, k, v] = graph.split(layers.linear(x, name, 3 * channels, { scale: queryScale, int8: true }), 1, [
    channels,
    channels,
    channels,
  ]) as [Value, Value, Value];
  if (batch > 1) {
    const split = (part: Value, order: readonly number[]) =>
      graph.transpose(graph.reshape(part, [batch, tokens, heads, width]), order);
    const scores = graph.matmul(split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1]));
    const mixed = graph.matmul(graph.cast(graph.softmax(scores), graph.precision), split(v, [0, 2, 1, 3]));
    return graph.reshape(graph.transpose(mixed, [0, 2, 1, 3]), [batch * tokens, channels]);
  }
  const byHead = (part: Value, order: readonly number[]) =>
    graph.transpose(graph.reshape(part, [tokens, heads, width]), order);
  const scores = graph.matmul(byHead(q, [1, 0, 2]), byHead(k, [1, 2, 0]));
  const weights = graph.cast(graph.softmax(scores), graph.precision);
  const mixed = graph.matmul(weights, byHead(v, [1, 0, 2]));
  return graph.reshape(graph.transpose(mixed, [1, 0, 2]), [tokens, channels]);
}
