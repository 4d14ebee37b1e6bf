import type { NetworkConfig } from './config.ts';
import type { EncoderFeatures } from './dinov2.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';
import { type TemporalAttention, temporalModule } from './temporal.ts';

/** Channels between the two last convolutions. */
const OUTPUT_CHANNELS = 32;

/**
 * The dense prediction head (DPT, arXiv:2103.13413) with Video Depth Anything's four temporal modules.
 *
 * @param rows Patches along the image's height; @param columns along its width.
 * @returns depth [frames, height, width], not negative.
 */
export function dptHead(
  layers: Layers,
  config: NetworkConfig,
  features: readonly EncoderFeatures[],
  { rows, columns }: { rows: number; columns: number },
  attention: TemporalAttention,
): Value {
  const { graph } = layers;
  const frames = features[0]!.patches.shape[0]!;
  const temporal = (map: Value, index: number) =>
    graph.scope(`temporal${index}`, () => temporalModule(layers, config, map, index, attention));

  const [first, second, third, fourth] = graph.scope('assemble', () =>
    assemble(layers, config, features, rows, columns),
  );
  const inTime = [first!, second!, temporal(third!, 0), temporal(fourth!, 1)];
  const maps = graph.scope('assemble', () =>
    inTime.map((map, i) =>
      layers.conv(map, `head.scratch.layer${i + 1}_rn`, config.features, 3, { pad: 1, bias: false }),
    ),
  );

  const fuse = (index: number, path: Value, skip: Value | undefined, height: number, width: number) =>
    graph.scope(`fuse${index}`, () => fusion(layers, `head.scratch.refinenet${index}`, path, skip, height, width));
  const [m1, m2, m3, m4] = maps as [Value, Value, Value, Value];
  let path = temporal(fuse(4, m4, undefined, rows, columns), 2);
  path = temporal(fuse(3, path, m3, 2 * rows, 2 * columns), 3);
  path = fuse(2, path, m2, 4 * rows, 4 * columns);
  path = fuse(1, path, m1, 8 * rows, 8 * columns);
  const [height, width] = [rows * config.patch, columns * config.patch];
  return graph.scope('output', () => graph.reshape(output(layers, path, height, width), [frames, height, width]));
}

/** The four taps as maps of 4, 2, 1 and 1/2 times the patches' resolution. */
function assemble(
  layers: Layers,
  { mapChannels }: NetworkConfig,
  features: readonly EncoderFeatures[],
  rows: number,
  columns: number,
): Value[] {
  const { graph } = layers;
  const maps = features.map(({ patches }, i) => {
    const [frames, , channels] = patches.shape as [number, number, number];
    const map = graph.reshape(graph.transpose(patches, [0, 2, 1]), [frames, channels, rows, columns]);
    return layers.conv(map, `head.projects.${i}`, mapChannels[i]!, 1);
  });
  return [
    enlarge(layers, maps[0]!, 'head.resize_layers.0', 4),
    enlarge(layers, maps[1]!, 'head.resize_layers.1', 2),
    maps[2]!,
    layers.conv(maps[3]!, 'head.resize_layers.3', mapChannels[3]!, 3, { stride: 2, pad: 1 }),
  ];
}

/** A transposed convolution whose stride is its kernel. */
function enlarge(layers: Layers, map: Value, name: string, factor: number): Value {
  const channels = map.shape[1]!;
  const w = layers.tensor(`${name}.weight`, [channels, channels, factor, factor]);
  return layers.graph.convTranspose(map, w, layers.tensor(`${name}.bias`, [channels]), factor);
}

/** A fusion block: skip connection, residual unit, enlargement, 1x1 convolution. */
function fusion(
  layers: Layers,
  name: string,
  path: Value,
  skip: Value | undefined,
  height: number,
  width: number,
): Value {
  const { graph } = layers;
  const sum = skip ? graph.add(path, residualUnit(layers, skip, `${name}.resConfUnit1`)) : path;
  const refined = residualUnit(layers, sum, `${name}.resConfUnit2`);
  // Bilinear weights sum to 1, so the 1x1 convolution may come before the enlargement, where it has less to do.
  return graph.resize(layers.conv(refined, `${name}.out_conv`, refined.shape[1]!, 1), height, width);
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
  const narrow = layers.conv(path, 'head.scratch.output_conv1', path.shape[1]! / 2, 3, { pad: 1 });
  const full = graph.resize(graph.float(narrow), height, width);
  const inner = graph.relu(
    layers.conv(full, 'head.scratch.output_conv2.0', OUTPUT_CHANNELS, 3, { pad: 1, type: 'float32' }),
  );
  return graph.relu(layers.conv(inner, 'head.scratch.output_conv2.2', 1, 1, { type: 'float32' }));
}
