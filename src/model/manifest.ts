import { z } from 'zod';
import { PRECISIONS } from './precision.ts';

/**
 * Which past frames the network sees, and where.
 * - `recent`: the last `frames` frames; slot values are ages (1 = previous frame, the query 0), frame n is stored in slot n mod frames.
 * - `anchored`: Video Depth Anything's window: first frame, one far frame, then the most recent ones.
 */
const windowRule = z.discriminatedUnion('rule', [
  z.object({ rule: z.literal('recent'), frames: z.int().min(1).max(256), emptyMask: z.number().negative() }),
  z.object({
    rule: z.literal('anchored'),
    /** Cached slots, without the query: 31 for VDA. */
    slots: z.int().min(3).max(256),
    /** Age of the frame in slot 1: 41 for VDA. */
    farAge: z.int().min(1).max(1024),
    emptyMask: z.number().negative(),
  }),
]);

const side = z.int().min(16).max(4096);

/** Which sizes the network may have, and which it has when nothing is said; see depth/network-size.ts. */
const sizeRule = z.union([
  /** The long side is one of these; the short side follows the picture's aspect, both rounded to the multiple. */
  z.strictObject({ multipleOf: z.int().min(1), longSides: z.array(side).min(1), default: side }),
  /** Video Depth Anything's rule: the short side is any multiple within bounds, less for very wide pictures. */
  z.strictObject({ multipleOf: z.int().min(1), shortSides: z.strictObject({ from: side, to: side }), default: side }),
  /** A graph of one size: every picture is brought to it. */
  z.strictObject({ fixed: z.strictObject({ width: side, height: side }) }),
]);

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const three = z.tuple([z.number(), z.number(), z.number()]);

const common = {
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  title: z.string(),
  unit: z.enum(['disparity', 'metres']),
  /** Network input = (rgb - mean) / std, rgb in [0, 1]. */
  normalise: z.object({ mean: three, std: three }),
  size: sizeRule,
  window: windowRule,
  /** Cosine distance of `summary` from its running mean above which a frame starts a new scene. */
  cutThreshold: z.number().min(0).max(2),
  licence: z.string(),
  source: z.string(),
};

const graphManifest = z.strictObject({
  kind: z.literal('graph').default('graph'),
  ...common,
  /** File name of the ONNX graph, relative to the manifest. */
  file: z.string(),
  sha256: sha256.optional(),
  /** Arithmetic of the graph; inputs and outputs are fp32 either way. */
  precision: z.enum(PRECISIONS),
  /** The same network in eight bits, of a graph in fp32: for CPUs, where it is asked for. */
  int8: z.strictObject({ file: z.string(), sha256: sha256.optional() }).optional(),
});

const checkpointManifest = z.strictObject({
  kind: z.literal('checkpoint'),
  ...common,
  /** Trained weights of a Video Depth Anything network, of which a graph is made for each network size. */
  checkpoint: z.strictObject({
    /** Relative to the manifest; without a folder, also looked for among the pulled ones. */
    file: z.string(),
    /** Where `models pull` gets it. */
    url: z.url({ protocol: /^https?$/ }).optional(),
    bytes: z.int().positive().optional(),
    sha256: sha256.optional(),
  }),
  /** What the weights' shapes do not tell, for networks unlike the published ones. */
  network: z
    .strictObject({
      heads: z.int().min(1).optional(),
      taps: z.array(z.int().min(0)).length(4).optional(),
      temporalHeads: z.int().min(1).optional(),
    })
    .optional(),
  /** Of the graphs that are made. */
  precision: z.enum(PRECISIONS),
});

/** What must be known to run a model: models/NAME.json, beside an ONNX graph or naming a checkpoint. */
export const modelManifest = z
  .discriminatedUnion('kind', [graphManifest, checkpointManifest])
  .refine((manifest) => manifest.kind !== 'graph' || !manifest.int8 || manifest.precision === 'fp32', {
    path: ['int8'],
    message: 'the graph itself is not in fp32',
  });

export type ModelManifest = z.infer<typeof modelManifest>;
