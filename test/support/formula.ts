import type { TensorInfo } from '../../src/model/checkpoint/tensor.ts';
import type { TensorSource } from '../../src/model/graph/layers.ts';

/**
 * Networks and pictures by formula: the reference outputs under test/vectors/vda come from the official Video Depth
 * Anything classes with these weights and frames, so no pretrained weights are needed to test exactness.
 * Formulas: test/vectors/vda/README.md.
 */

export interface Dimensions {
  channels: number;
  blocks: number;
  mapChannels: readonly number[];
  features: number;
}

export const TINY: Dimensions = { channels: 96, blocks: 4, mapChannels: [24, 48, 96, 96], features: 32 };
/** What shapes do not tell of TINY. */
export const TINY_CONFIG = { heads: 3, taps: [0, 1, 2, 3] };
export const VITS: Dimensions = { channels: 384, blocks: 12, mapChannels: [48, 96, 192, 384], features: 64 };
export const VITB: Dimensions = { channels: 768, blocks: 12, mapChannels: [96, 192, 384, 768], features: 128 };
export const VITL: Dimensions = { channels: 1024, blocks: 24, mapChannels: [256, 512, 1024, 1024], features: 256 };

/** The names and shapes of a Video Depth Anything state dict. */
export function stateDictShapes({ channels: d, blocks, mapChannels, features: f }: Dimensions): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const set = (name: string, ...shape: number[]) => shapes.set(name, shape);
  const layer = (name: string, out: number, ...rest: number[]) => {
    set(`${name}.weight`, out, ...rest);
    set(`${name}.bias`, out);
  };
  set('pretrained.cls_token', 1, 1, d);
  set('pretrained.pos_embed', 1, 1 + 37 * 37, d);
  set('pretrained.mask_token', 1, d);
  layer('pretrained.patch_embed.proj', d, 3, 14, 14);
  for (let i = 0; i < blocks; i++) {
    const block = `pretrained.blocks.${i}`;
    layer(`${block}.norm1`, d);
    layer(`${block}.attn.qkv`, 3 * d, d);
    layer(`${block}.attn.proj`, d, d);
    set(`${block}.ls1.gamma`, d);
    layer(`${block}.norm2`, d);
    layer(`${block}.mlp.fc1`, 4 * d, d);
    layer(`${block}.mlp.fc2`, d, 4 * d);
    set(`${block}.ls2.gamma`, d);
  }
  layer('pretrained.norm', d);
  mapChannels.forEach((c, i) => {
    layer(`head.projects.${i}`, c, d, 1, 1);
  });
  const [c0, c1, c2, c3] = mapChannels as [number, number, number, number];
  layer('head.resize_layers.0', c0, c0, 4, 4);
  layer('head.resize_layers.1', c1, c1, 2, 2);
  layer('head.resize_layers.3', c3, c3, 3, 3);
  for (const i of [1, 2, 3, 4]) {
    set(`head.scratch.layer${i}_rn.weight`, f, mapChannels[i - 1]!, 3, 3);
    const net = `head.scratch.refinenet${i}`;
    layer(`${net}.out_conv`, f, f, 1, 1);
    for (const unit of ['resConfUnit1', 'resConfUnit2'])
      for (const conv of ['conv1', 'conv2']) layer(`${net}.${unit}.${conv}`, f, f, 3, 3);
  }
  layer('head.scratch.output_conv1', f / 2, f, 3, 3);
  layer('head.scratch.output_conv2.0', 32, f / 2, 3, 3);
  layer('head.scratch.output_conv2.2', 1, 32, 1, 1);
  [c2, c3, f, f].forEach((c, i) => {
    const module = `head.motion_modules.${i}.temporal_transformer`;
    const block = `${module}.transformer_blocks.0`;
    layer(`${module}.norm`, c);
    layer(`${module}.proj_in`, c, c);
    for (const k of [0, 1]) {
      const attention = `${block}.attention_blocks.${k}`;
      for (const part of ['to_q', 'to_k', 'to_v']) set(`${attention}.${part}.weight`, c, c);
      layer(`${attention}.to_out.0`, c, c);
      set(`${attention}.pos_encoder.pe`, 1, 32, c);
      layer(`${block}.norms.${k}`, c);
    }
    layer(`${block}.ff.net.0.proj`, 8 * c, c);
    layer(`${block}.ff.net.2`, c, 4 * c);
    layer(`${block}.ff_norm`, c);
    layer(`${module}.proj_out`, c, c);
  });
  return shapes;
}

/** A network whose weights are computed when they are read. */
export function formulaWeights(dimensions: Dimensions): TensorSource {
  const shapes = stateDictShapes(dimensions);
  const tensors = new Map<string, TensorInfo>();
  for (const [name, shape] of shapes) tensors.set(name, { name, type: 'f32', shape });
  return { tensors, read: (name) => formulaTensor(name, shapes.get(name)!) };
}

export function formulaTensor(name: string, shape: readonly number[]): Float32Array {
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (name.endsWith('pos_encoder.pe')) return sineTable(out, shape[2]!);
  const [base, scale] = distribution(name, shape);
  let hash = 2166136261;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 16777619);
  for (let i = 0; i < out.length; i++) {
    let x = (hash + Math.imul(i, 0x9e3779b9)) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    out[i] = base + scale * (((x ^ (x >>> 16)) >>> 8) / 8388608 - 1);
  }
  return out;
}

function distribution(name: string, shape: readonly number[]): [base: number, scale: number] {
  if (/ls[12]\.gamma$/.test(name)) return [0.4, 0.1];
  if (/(pos_embed|cls_token)$/.test(name)) return [0, 0.3];
  if (name.endsWith('mask_token')) return [0, 0.02];
  if (name === 'head.scratch.output_conv2.2.bias') return [4, 0];
  if (shape.length === 1) return name.endsWith('.weight') ? [1, 0.1] : [0, 0.05];
  const [out, inner] = shape as [number, number];
  const enlarges = /^head\.resize_layers\.[01]\.weight$/.test(name);
  const fan = shape.length === 2 ? inner : enlarges ? out : shape.slice(1).reduce((a, b) => a * b, 1);
  const gain = /to_[qk]\.weight$/.test(name) ? 1.5 : 1;
  return [0, gain * Math.sqrt(3 / fan)];
}

/** The paper's absolute positions: sin and cos of p / 10000^(i / channels), interleaved. */
function sineTable(out: Float32Array, channels: number): Float32Array {
  for (let i = 0; i < out.length; i += 2) {
    const channel = i % channels;
    const angle = ((i - channel) / channels) * Math.exp(channel * (-Math.log(10_000) / channels));
    out[i] = Math.sin(angle);
    out[i + 1] = Math.cos(angle);
  }
  return out;
}

/** Frame t: gradients and a moving disc; [height, width, 3] bytes. */
export function formulaFrame(t: number, width: number, height: number): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  const cx = (13 + 3 * t) % width;
  const cy = ((height >> 1) + 2 * t) % height;
  const radius = Math.floor(height / 5);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i += 3) {
      const disc = (x - cx) ** 2 + (y - cy) ** 2 < radius ** 2;
      rgb[i] = disc ? 200 + t : 5 * x + 3 * y + 7 * t;
      rgb[i + 1] = disc ? 60 : Math.floor((x * y) / 7) + 11 * t;
      rgb[i + 2] = disc ? 9 * x : 255 - Math.floor((255 * y) / (height - 1));
    }
  return rgb;
}

/** A frame as the network's input [3, height, width]: cubic resize (a = -0.75, as OpenCV), then normalised. */
export function networkInput(
  frame: Uint8Array,
  from: { width: number; height: number },
  to: { width: number; height: number },
  { mean, std }: { mean: readonly number[]; std: readonly number[] },
): Float32Array {
  const columns = cubicTaps(from.width, to.width);
  const rows = cubicTaps(from.height, to.height);
  const plane = to.width * to.height;
  const out = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < to.height; y++)
      for (let x = 0; x < to.width; x++) {
        let sum = 0;
        for (const [row, wy] of rows[y]!)
          for (const [column, wx] of columns[x]!) sum += wy * wx * frame[(row * from.width + column) * 3 + c]!;
        out[c * plane + y * to.width + x] = (sum / 255 - mean[c]!) / std[c]!;
      }
  return out;
}

function cubicTaps(from: number, to: number): [index: number, weight: number][][] {
  const a = -0.75;
  const kernel = (x: number) =>
    x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return Array.from({ length: to }, (_, i) => {
    const at = ((i + 0.5) * from) / to - 0.5;
    const floor = Math.floor(at);
    return [-1, 0, 1, 2].map((k) => [Math.min(from - 1, Math.max(0, floor + k)), kernel(Math.abs(at - floor - k))]);
  });
}
