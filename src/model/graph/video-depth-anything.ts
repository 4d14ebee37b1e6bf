import { DepthcastError } from '../../errors.ts';
import type { WindowRule } from '../window.ts';
import { GraphBuilder } from './builder.ts';
import { type ConfigOverrides, inferConfig, type NetworkConfig } from './config.ts';
import { dinov2 } from './dinov2.ts';
import { assemble, decode, fuseInTime } from './dpt.ts';
import type { PatchGrid } from './head-maps.ts';
import { Layers, type TensorSource } from './layers.ts';
import type { FloatType } from './nodes.ts';
import type { OnnxModel, Value } from './onnx.ts';
import { ResidentAttention } from './resident-attention.ts';
import { StreamingAttention } from './streaming-attention.ts';
import { OfflineAttention } from './temporal.ts';

/** Raised whenever the graph for the same checkpoint and options changes. */
export const BUILDER_VERSION = 6;

/** Type of the weights and of the products with them; `int8`: see PARITY_TOLERANCE. */
export type Precision = FloatType | 'int8';

/**
 * `portable`: ONNX's own operators, and states cached as float32. `cpu`: for onnxruntime on a CPU, with its fused
 * attention and states cached in 24 bits (16 with int8), a quarter (half) less memory for each stream; not for float16.
 * `resident`: the contract's second form, which writes its own rings of states, for devices. ONNX's own operators, and
 * convolutions in float32 whatever the precision: half of them is wrong or slow on some backends.
 */
export type GraphTarget = 'portable' | 'cpu' | 'resident';

export interface GraphOptions {
  /** Sides of the network's input in pixels, multiples of the patch (14). */
  readonly width: number;
  readonly height: number;
  /** Of the weights; inputs and outputs are float32 either way. */
  readonly precision?: Precision;
  readonly target?: GraphTarget;
  /** Streams that share a run; `resident` alone. */
  readonly batch?: number;
  readonly config?: ConfigOverrides | undefined;
}

/** Mean and standard deviation of the encoder's training images, red, green, blue in [0, 1]. */
export const NORMALISE = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const;

/** The window that the streaming graph of a network of this many frames was trained for; see window.ts. */
export const anchoredRule = (frames: number): WindowRule => ({
  rule: 'anchored',
  slots: frames - 1,
  farAge: FAR_AGE,
  emptyMask: -1e9,
});

/** 2 * (32 - 10) - 1 - (10 - 8) in the official code: where a keyframe of the offline windows would be. */
const FAR_AGE = 41;

/**
 * One frame with cached states: the streaming contract.
 * in: image [1,3,H,W], slots int64[S], mask [S], c0.. [places, S-1, channels];
 * out: depth [1,H,W], h0.. [places, 1, channels], summary [1, D]: the encoder's normalised class token.
 * For `cpu`, an attention has two caches instead of one: int16, and int8 with 1/256 of its step; with int8 the first alone.
 * For `resident` it is the contract's second form, R = 43: slots, mask, c0.. [places, R, channels], here int64[1],
 * write bool[1, R, 1]; n0.. instead of h0... With a batch B of streams: image [B,3,H,W], slots, mask [B, R], here [B],
 * write [B, R, 1], depth [B,H,W], summary [B, D], and rings c0_0.. c0_(B-1), of each stream its own.
 *
 * @throws DepthcastError BAD_CHECKPOINT when the tensors are not those of such a network, BAD_SIZE.
 */
export function buildStreamGraph(source: TensorSource, options: GraphOptions): OnnxModel {
  const { layers, config, grid } = prepare(source, options);
  const { graph } = layers;
  const { width, height, batch = 1, target } = options;
  const image = graph.input('image', 'float32', [batch, 3, height, width]);
  const attention =
    target === 'resident'
      ? new ResidentAttention(layers, config, anchoredRule(config.frames), batch)
      : streamingAttention(layers, config);
  const features = graph.scope('encoder', () => dinov2(layers, config, image));
  const depth = graph.scope('head', () => {
    const maps = graph.scope('assemble', () => assemble(layers, config, features, grid));
    return decode(layers, config, fuseInTime(layers, config, maps, grid, attention), maps, grid);
  });
  graph.output('depth', depth);
  if (attention instanceof ResidentAttention) for (const { name, value } of attention.rings) graph.output(name, value);
  else for (const [i, state] of attention.states.entries()) graph.output(`h${i}`, state);
  graph.output('summary', features.at(-1)!.summary);
  return finish(layers, config, options, 'stream');
}

function streamingAttention(layers: Layers, config: NetworkConfig): StreamingAttention {
  const { graph } = layers;
  const slots = graph.input('slots', 'int64', [config.frames]);
  return new StreamingAttention(layers, config, slots, graph.input('mask', 'float32', [config.frames]));
}

/**
 * A whole window at once. in: image [S,3,H,W]; out: depth [S,H,W]. The encoder and the finer part of the head run
 * one frame after the other, so that memory hardly grows with S.
 * @throws as buildStreamGraph.
 */
export function buildOfflineGraph(source: TensorSource, options: GraphOptions): OnnxModel {
  const { layers, config, grid } = prepare(source, options);
  const { graph } = layers;
  const frames = graph.input('image', 'float32', [config.frames, 3, options.height, options.width]);
  const one = (slice: Value) => graph.reshape(slice, [1, ...slice.shape]);
  const single = (value: Value) => graph.reshape(value, value.shape.slice(1));

  const [fine, middle, coarse, coarsest] = graph.scan([frames], ([frame]) => {
    const features = graph.scope('encoder', () => dinov2(layers, config, one(frame!)));
    const maps = graph.scope('assemble', () => assemble(layers, config, features, grid));
    return [maps.fine, maps.middle, maps.coarse, maps.coarsest].map(single);
  }) as [Value, Value, Value, Value];
  const attention = new OfflineAttention(layers, config);
  const path = fuseInTime(layers, config, { coarse, coarsest }, grid, attention);
  const [depth] = graph.scan([path, fine, middle], ([p, f, m]) => [
    single(decode(layers, config, one(p!), { fine: one(f!), middle: one(m!) }, grid)),
  ]);
  graph.output('depth', depth!);
  return finish(layers, config, options, 'offline');
}

function prepare(source: TensorSource, options: GraphOptions) {
  const { width, height, precision = 'float32', target = 'portable', batch = 1, config: overrides } = options;
  const config = inferConfig(source.tensors, overrides);
  for (const side of [width, height])
    if (!(Number.isInteger(side) && side > 0 && side % config.patch === 0 && side <= MAX_SIDE))
      throw new DepthcastError('BAD_SIZE', {
        detail: `${width}x${height}; both sides must be multiples of ${config.patch}`,
      });
  if (batch !== 1 && target !== 'resident') throw new Error(`a batch of ${batch} for ${target}`);
  const grid: PatchGrid = { rows: height / config.patch, columns: width / config.patch };
  const int8 = precision === 'int8';
  if (int8 && target === 'resident')
    throw new DepthcastError('BAD_OPTION', { detail: 'int8 is for CPUs; on a device use fp16 or fp32' });
  const contrib = target === 'cpu' && precision !== 'float16';
  const builder = new GraphBuilder(int8 ? 'float32' : precision);
  return { layers: new Layers(builder, source, { int8, contrib, resident: target === 'resident' }), config, grid };
}

const MAX_SIDE = 4096;

function finish(layers: Layers, config: NetworkConfig, options: GraphOptions, kind: string): OnnxModel {
  // DINOv2's token for masked patches, the deepest fusion's unit for a skip connection that it does not have, and
  // encoder blocks behind the last tap.
  layers.ignore(/^pretrained\.mask_token$|^head\.scratch\.refinenet4\.resConfUnit1\./);
  layers.ignore(
    new RegExp(`^pretrained\\.blocks\\.(${range(config.taps.at(-1)! + 1, config.blocks).join('|') || '-'})\\.`),
  );
  layers.finish();
  const { width, height, precision = 'float32', target = 'portable' } = options;
  return layers.graph.finish(`video-depth-anything-${kind}`, {
    kind,
    builder: String(BUILDER_VERSION),
    size: `${width}x${height}`,
    precision,
    target,
    network: JSON.stringify(config),
  });
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
