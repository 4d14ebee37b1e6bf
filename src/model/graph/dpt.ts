import type { NetworkConfig } from './config.ts';
import type { EncoderFeatures } from './dinov2.ts';
import { assembleFine, fuseFine } from './dpt-int8.ts';
import type { AssembledMaps, PatchGrid } from './head-maps.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';
import { type TemporalAttention, temporalModule } from './temporal.ts';

/**
 * The dense prediction head (DPT, arXiv:2103.13413) with Video Depth Anything's four temporal modules, in three
 * steps. Only the second mixes frames; the first and the last treat each frame alone.
 */

/** Channels between the two last convolutions. */
const OUTPUT_CHANNELS = 32;

/** Step 1: one frame's four taps as maps. */
export function assemble(
  layers: Layers,
  config: NetworkConfig,
  features: readonly EncoderFeatures[],
  { rows, columns }: PatchGrid,
): AssembledMaps {
  const { graph } = layers;
  const { mapChannels } = config;
  const project = (i: number): Value => {
    const { patches } = features[i]!;
    const [all, channels] = patches.shape as [number, number];
    const batch = all / (rows * columns);
    const name = `head.projects.${i}`;
    if (layers.contrib && batch === 1) {
      // As a product, before there are fewer channels to transpose.
      const projected = layers.linear(patches, name, mapChannels[i]!, { pointwise: true });
      return graph.reshape(graph.transpose(projected, [1, 0]), [1, mapChannels[i]!, rows, columns]);
    }
    const rowsLast =
      batch === 1
        ? graph.transpose(patches, [1, 0])
        : graph.transpose(graph.reshape(patches, [batch, rows * columns, channels]), [0, 2, 1]);
    const map = graph.reshape(rowsLast, [batch, channels, rows, columns]);
    return layers.conv(map, name, mapChannels[i]!, 1);
  };
  const finer = (i: 0 | 1, factor: number) =>
    toFeatures(layers, config, enlarge(layers, project(i), `head.resize_layers.${i}`, factor), i + 1);
  return {
    ...(layers.int8
      ? assembleFine(layers, config, features, { rows, columns })
      : { fine: finer(0, 4), middle: finer(1, 2) }),
    coarse: project(2),
    coarsest: layers.conv(project(3), 'head.resize_layers.3', mapChannels[3]!, 3, { stride: 2, pad: 1 }),
  };
}

/** Step 2: the two coarser maps through time, and their fusion. @returns [frames, features, 2 rows, 2 columns]. */
export function fuseInTime(
  layers: Layers,
  config: NetworkConfig,
  { coarse, coarsest }: Pick<AssembledMaps, 'coarse' | 'coarsest'>,
  { rows, columns }: PatchGrid,
  attention: TemporalAttention,
): Value {
  const { graph } = layers;
  const temporal = (map: Value, index: number) =>
    graph.scope(`temporal${index}`, () => temporalModule(layers, config, map, index, attention));
  const third = toFeatures(layers, config, temporal(coarse, 0), 3);
  const fourth = toFeatures(layers, config, temporal(coarsest, 1), 4);
  const path = temporal(fuse(layers, 4, fourth, undefined, rows, columns), 2);
  return temporal(fuse(layers, 3, path, third, 2 * rows, 2 * columns), 3);
}

/** Step 3: the finer maps and the output layers. @returns depth [frames, height, width], not negative. */
export function decode(
  layers: Layers,
  { patch }: NetworkConfig,
  path: Value,
  { fine, middle }: Pick<AssembledMaps, 'fine' | 'middle'>,
  { rows, columns }: PatchGrid,
): Value {
  const { graph } = layers;
  const fused = () => {
    const half = fuse(layers, 2, path, middle, 4 * rows, 4 * columns);
    return fuse(layers, 1, half, fine, 8 * rows, 8 * columns);
  };
  const whole = layers.int8 ? fuseFine(layers, path, { fine, middle }, { rows, columns }) : fused();
  return graph.scope('output', () => output(layers, whole, rows * patch, columns * patch));
}

function toFeatures(layers: Layers, { features }: NetworkConfig, map: Value, index: number): Value {
  return layers.conv(map, `head.scratch.layer${index}_rn`, features, 3, { pad: 1, bias: false });
}

/** A transposed convolution whose stride is its kernel. */
function enlarge(layers: Layers, map: Value, name: string, factor: number): Value {
  const channels = map.shape[1]!;
  const w = layers.tensor(`${name}.weight`, [channels, channels, factor, factor]);
  return layers.graph.convTranspose(map, w, layers.tensor(`${name}.bias`, [channels]), factor);
}

/** A fusion block: skip connection, residual unit, enlargement, 1x1 convolution. */
function fuse(
  layers: Layers,
  index: number,
  path: Value,
  skip: Value | undefined,
  height: number,
  width: number,
): Value {
  const { graph } = layers;
  const name = `head.scratch.refinenet${index}`;
  return graph.scope(`fuse${index}`, () => {
    const sum = skip ? graph.add(path, residualUnit(layers, skip, `${name}.resConfUnit1`)) : path;
    const refined = residualUnit(layers, sum, `${name}.resConfUnit2`);
    // Bilinear weights sum to 1, so the 1x1 convolution may come before the enlargement, where it has less to do.
    return graph.resize(layers.conv(refined, `${name}.out_conv`, refined.shape[1]!, 1), height, width);
  });
}

function residualUnit(layers: Layers, x: Value, name: string): Value {
  const { graph } = layers;
  const channels = x.shape[1]!;
  const inner = layers.conv(graph.relu(x), `${name}.conv1`, channels, 3, { pad: 1 });
  return graph.add(layers.conv(graph.relu(inner), `${name}.conv2`, channels, 3, { pad: 1 }), x);
}

/** float32 from the enlargement on, as in the official code: the last values need more than 11 bits. */
function output(layers: Layers, path: Value, height: number, width: number): Value {
  const { graph } = layers;
  const [frames, channels] = path.shape as [number, number];
  const narrow = graph.float(layers.conv(path, 'head.scratch.output_conv1', channels / 2, 3, { pad: 1 }));
  const full = resized(layers, narrow, height, width);
  const type = 'float32';
  const inner = graph.relu(layers.conv(full, 'head.scratch.output_conv2.0', OUTPUT_CHANNELS, 3, { pad: 1, type }));
  const depth = graph.relu(layers.conv(inner, 'head.scratch.output_conv2.2', 1, 1, { type }));
  return graph.reshape(depth, [frames, height, width]);
}

/** Bilinear. */
function resized({ graph, contrib }: Layers, map: Value, height: number, width: number): Value {
  const [frames, channels, rows, columns] = map.shape as [number, number, number, number];
  if (!contrib || frames > 1) return graph.resize(map, height, width);
  // onnxruntime's CPU kernel takes a third of the time with channels last. Were the map not reshaped between the two
  // transpositions, it would take them out.
  const places = graph.transpose(graph.reshape(map, [channels, rows * columns]), [1, 0]);
  const large = graph.resizeLast(graph.reshape(places, [1, rows, columns, channels]), height, width);
  return graph.transpose(large, [0, 3, 1, 2]);
}
