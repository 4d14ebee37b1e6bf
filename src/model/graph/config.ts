import { DepthcastError } from '../../errors.ts';
import type { TensorInfo } from '../checkpoint/tensor.ts';

/** The dimensions of a Video Depth Anything network. What a checkpoint's shapes tell is read from them. */
export interface NetworkConfig {
  /** DINOv2: channels, blocks, attention heads, the MLP's hidden channels. */
  readonly channels: number;
  readonly blocks: number;
  readonly heads: number;
  readonly hidden: number;
  /** Sides of a patch in pixels, and of the square grid of learned positions in patches. */
  readonly patch: number;
  readonly grid: number;
  /** Blocks after which the encoder's tokens go to the head: four, ascending. */
  readonly taps: readonly number[];
  /** Channels of the four maps that the head assembles from them. */
  readonly mapChannels: readonly number[];
  /** Channels of the head's fusion. */
  readonly features: number;
  /** Attention heads of the temporal modules, attentions in each of them, and frames in their window. */
  readonly temporalHeads: number;
  readonly temporalAttentions: number;
  readonly frames: number;
}

/** What shapes do not tell. The defaults are those of the published models. */
export type ConfigOverrides = { readonly [K in 'heads' | 'taps' | 'temporalHeads']?: NetworkConfig[K] | undefined };

/** DINOv2's ViT-S, B and L have heads of 64 channels. */
const HEAD_CHANNELS = 64;
const TEMPORAL_HEADS = 8;
/** By number of blocks: vits and vitb, vitl. */
const TAPS: Readonly<Record<number, readonly number[]>> = { 12: [2, 5, 8, 11], 24: [4, 11, 17, 23] };
const GROUPS = 32;

/** @throws DepthcastError BAD_CHECKPOINT, naming the tensor that is missing or the option that is needed. */
export function inferConfig(tensors: ReadonlyMap<string, TensorInfo>, overrides: ConfigOverrides = {}): NetworkConfig {
  const shape = (name: string, rank: number): readonly number[] => {
    const found = tensors.get(name)?.shape;
    if (!found) throw bad(`there is no ${name}: this is no Video Depth Anything model`);
    if (found.length !== rank || found.some((side) => side < 1)) throw bad(`${name} is [${found}]`);
    return found;
  };
  const countOf = (name: (index: number) => string): number => {
    let count = 0;
    while (tensors.has(name(count))) count++;
    return count;
  };

  const [channels, , patch] = shape('pretrained.patch_embed.proj.weight', 4);
  const [, positions] = shape('pretrained.pos_embed', 3);
  const blocks = countOf((i) => `pretrained.blocks.${i}.norm1.weight`);
  if (![...tensors.keys()].some((name) => name.includes('motion_modules')))
    throw bad('it has no temporal modules: a Depth Anything model for single images, not Video Depth Anything');
  const [hidden] = shape('pretrained.blocks.0.mlp.fc1.weight', 2);
  const module = 'head.motion_modules.0.temporal_transformer.transformer_blocks.0';
  const [, frames] = shape(`${module}.attention_blocks.0.pos_encoder.pe`, 3);
  const config: NetworkConfig = {
    channels: channels!,
    blocks,
    heads: overrides.heads ?? channels! / HEAD_CHANNELS,
    hidden: hidden!,
    patch: patch!,
    grid: Math.sqrt(positions! - 1),
    taps: overrides.taps ?? TAPS[blocks] ?? [],
    mapChannels: [0, 1, 2, 3].map((i) => shape(`head.projects.${i}.weight`, 4)[0]!),
    features: shape('head.scratch.layer1_rn.weight', 4)[0]!,
    temporalHeads: overrides.temporalHeads ?? TEMPORAL_HEADS,
    temporalAttentions: countOf((i) => `${module}.attention_blocks.${i}.to_q.weight`),
    frames: frames!,
  };
  check(config);
  return config;
}

function check(config: NetworkConfig): void {
  const { channels, heads, taps, blocks, mapChannels, features, temporalHeads, frames, grid } = config;
  if (!(Number.isInteger(heads) && heads > 0 && channels % heads === 0))
    throw bad(`${channels} channels do not divide into ${heads} heads; say how many there are`);
  const ascending = taps.every((tap, i) => Number.isInteger(tap) && tap >= 0 && tap < blocks && !(tap <= taps[i - 1]!));
  if (taps.length !== 4 || !ascending)
    throw bad(`an encoder of ${blocks} blocks with taps [${taps}]; say after which four blocks the head taps it`);
  for (const width of [mapChannels[2]!, mapChannels[3]!, features])
    if (width % temporalHeads !== 0 || width % GROUPS !== 0)
      throw bad(`temporal modules of ${width} channels do not divide into ${temporalHeads} heads and ${GROUPS} groups`);
  if (!Number.isInteger(grid)) throw bad('the learned positions do not form a square');
  // Three is the least that the anchored window needs; see window.ts.
  if (frames < 4 || frames > 256) throw bad(`a window of ${frames} frames`);
}

const bad = (detail: string): DepthcastError => new DepthcastError('BAD_CHECKPOINT', { detail });
