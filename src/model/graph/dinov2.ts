import type { NetworkConfig } from './config.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';
import { interpolatePositions } from './position-embedding.ts';

/** The encoder's output at a tap: normalised tokens of the patches, and of the class. */
export interface EncoderFeatures {
  /** [frames, patches, channels], row by row. */
  readonly patches: Value;
  /** [frames, channels]. */
  readonly summary: Value;
}

const EPSILON = 1e-6;

/**
 * DINOv2 (arXiv:2304.07193), a pre-norm vision transformer without registers. LayerScale and the queries' scale are
 * folded into the weights, the position table is interpolated for this size.
 *
 * @param image [frames, 3, height, width], sides multiples of the patch.
 */
export function dinov2(layers: Layers, config: NetworkConfig, image: Value): EncoderFeatures[] {
  const { graph } = layers;
  const { channels } = config;
  const frames = image.shape[0]!;
  let x = graph.scope('embed', () => embed(layers, config, image));
  const tokens = x.shape[0]! / frames;
  const features: EncoderFeatures[] = [];
  for (let i = 0; i <= config.taps.at(-1)!; i++) {
    graph.scope(`block${i}`, () => {
      x = block(layers, config, x, `pretrained.blocks.${i}`, frames);
      if (!config.taps.includes(i)) return;
      const normed = graph.reshape(layers.layerNorm(x, 'pretrained.norm', EPSILON), [frames, tokens, channels]);
      const [first, patches] = graph.split(normed, 1, [1, tokens - 1]);
      features.push({ patches: patches!, summary: graph.reshape(first!, [frames, channels]) });
    });
  }
  return features;
}

/** [frames * (1 + patches), channels]: the class token and the patches, with their positions. */
function embed(layers: Layers, { channels, grid, patch }: NetworkConfig, image: Value): Value {
  const { graph } = layers;
  const map = layers.conv(image, 'pretrained.patch_embed.proj', channels, patch, { stride: patch });
  const [frames, , rows, columns] = map.shape as [number, number, number, number];
  const patches = rows * columns;
  const table = { 'pretrained.pos_embed': [1, 1 + grid * grid, channels] };
  const positions = layers.derive(`positions:${rows}x${columns}`, [1, patches, channels], table, (values) =>
    interpolatePositions(values, channels, grid, rows, columns).subarray(channels),
  );
  const classToken = layers.derive(
    `class:${frames}`,
    [frames, 1, channels],
    { 'pretrained.cls_token': [1, 1, channels], ...table },
    (token, values) =>
      Float32Array.from({ length: frames * channels }, (_, i) => token[i % channels]! + values[i % channels]!),
    'float32',
  );
  const rowsFirst = graph.transpose(graph.reshape(map, [frames, channels, patches]), [0, 2, 1]);
  const tokens = graph.concat([classToken, graph.float(graph.add(rowsFirst, positions))], 1);
  return graph.reshape(tokens, [frames * (1 + patches), channels]);
}

function block(
  layers: Layers,
  { channels, heads, hidden }: NetworkConfig,
  x: Value,
  name: string,
  frames: number,
): Value {
  const { graph } = layers;
  const normed = layers.layerNorm(x, `${name}.norm1`, EPSILON);
  const attended = attention(layers, normed, name, channels, heads, frames);
  const middle = graph.add(x, layers.linear(attended, `${name}.attn.proj`, channels, { after: `${name}.ls1.gamma` }));
  const inner = graph.gelu(
    layers.linear(layers.layerNorm(middle, `${name}.norm2`, EPSILON), `${name}.mlp.fc1`, hidden),
  );
  return graph.add(middle, layers.linear(inner, `${name}.mlp.fc2`, channels, { after: `${name}.ls2.gamma` }));
}

function attention(layers: Layers, x: Value, name: string, channels: number, heads: number, frames: number): Value {
  const { graph } = layers;
  const tokens = x.shape[0]! / frames;
  const width = channels / heads;
  const queryScale = (output: number) => (output < channels ? width ** -0.5 : 1);
  const joint = layers.linear(x, `${name}.attn.qkv`, 3 * channels, { scale: queryScale });
  const [q, k, v] = graph
    .split(joint, 1, [channels, channels, channels])
    .map((part) => graph.reshape(part, [frames, tokens, heads, width]));
  const scores = graph.matmul(graph.transpose(q!, [0, 2, 1, 3]), graph.transpose(k!, [0, 2, 3, 1]));
  const mixed = graph.matmul(graph.softmax(scores), graph.transpose(v!, [0, 2, 1, 3]));
  return graph.reshape(graph.transpose(mixed, [0, 2, 1, 3]), [frames * tokens, channels]);
}
