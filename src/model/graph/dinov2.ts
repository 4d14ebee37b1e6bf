import type { NetworkConfig } from './config.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';
import { interpolatePositions } from './position-embedding.ts';

/** The encoder's output at a tap: normalised tokens of the patches, and of the class. */
export interface EncoderFeatures {
  /** [patches, channels], row by row. */
  readonly patches: Value;
  /** [1, channels]. */
  readonly summary: Value;
}

const EPSILON = 1e-6;

/**
 * DINOv2 (arXiv:2304.07193), a pre-norm vision transformer without registers, on one frame. LayerScale and the
 * queries' scale are folded into the weights, the position table is interpolated for this size.
 *
 * @param image [1, 3, height, width], sides multiples of the patch.
 */
export function dinov2(layers: Layers, config: NetworkConfig, image: Value): EncoderFeatures[] {
  const { graph } = layers;
  let x = graph.scope('embed', () => embed(layers, config, image));
  const [tokens] = x.shape;
  const features: EncoderFeatures[] = [];
  for (let i = 0; i <= config.taps.at(-1)!; i++) {
    graph.scope(`block${i}`, () => {
      x = block(layers, config, x, `pretrained.blocks.${i}`);
      if (!config.taps.includes(i)) return;
      const normed = layers.layerNorm(x, 'pretrained.norm', EPSILON);
      const [summary, patches] = graph.split(normed, 0, [1, tokens! - 1]);
      features.push({ patches: patches!, summary: summary! });
    });
  }
  return features;
}

/** [1 + patches, channels]: the class token and the patches, with their positions. */
function embed(layers: Layers, { channels, grid, patch }: NetworkConfig, image: Value): Value {
  const { graph } = layers;
  const map = layers.conv(image, 'pretrained.patch_embed.proj', channels, patch, { stride: patch });
  const [, , rows, columns] = map.shape as [number, number, number, number];
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
  const rowsFirst = graph.transpose(graph.reshape(map, [channels, patches]), [1, 0]);
  return graph.concat([classToken, graph.add(rowsFirst, positions)], 0);
}

function block(layers: Layers, { channels, heads, hidden }: NetworkConfig, x: Value, name: string): Value {
  const { graph } = layers;
  const attended = attention(
    layers,
    layers.layerNorm(x, `${name}.norm1`, EPSILON),
    `${name}.attn.qkv`,
    channels,
    heads,
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

/** @param x [tokens, channels]. */
function attention(layers: Layers, x: Value, name: string, channels: number, heads: number): Value {
  const { graph } = layers;
  const [tokens] = x.shape as [number, number];
  const width = channels / heads;
  const queryScale = (output: number) => (output < channels ? width ** -0.5 : 1);
  const [q, k, v] = graph.split(layers.linear(x, name, 3 * channels, { scale: queryScale, int8: true }), 1, [
    channels,
    channels,
    channels,
  ]) as [Value, Value, Value];
  if (layers.contrib) {
    const batch = (part: Value) => graph.reshape(part, [1, tokens, channels]);
    return graph.reshape(graph.attention(batch(q), batch(k), batch(v), heads), [tokens, channels]);
  }
  const byHead = (part: Value, order: readonly number[]) =>
    graph.transpose(graph.reshape(part, [tokens, heads, width]), order);
  const scores = graph.matmul(byHead(q, [1, 0, 2]), byHead(k, [1, 2, 0]));
  const weights = graph.cast(graph.softmax(scores), graph.precision);
  const mixed = graph.matmul(weights, byHead(v, [1, 0, 2]));
  return graph.reshape(graph.transpose(mixed, [1, 0, 2]), [tokens, channels]);
}
