import { z } from 'zod';

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
    farAge: z.int().min(1),
    emptyMask: z.number().negative(),
  }),
]);

const sizeRule = z.object({
  /** Both sides are multiples of this many pixels. */
  multipleOf: z.int().min(1),
  /** Long sides that may be chosen, in pixels, and the one used when nothing is said. */
  longSides: z.array(z.int().min(16).max(4096)).min(1),
  default: z.int(),
});

/** What must be known to run a model file: models/NAME.json beside the .onnx. */
export const modelManifest = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  title: z.string(),
  /** File name of the ONNX graph, relative to the manifest. */
  file: z.string(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  unit: z.enum(['disparity', 'metres']),
  /** Arithmetic of the graph; inputs and outputs are fp32 either way. */
  precision: z.enum(['fp32', 'fp16', 'int8']),
  /** Network input = (rgb - mean) / std, rgb in [0, 1]. */
  normalise: z.object({
    mean: z.tuple([z.number(), z.number(), z.number()]),
    std: z.tuple([z.number(), z.number(), z.number()]),
  }),
  size: sizeRule,
  window: windowRule,
  /** Cosine distance of `summary` from its running mean above which a frame starts a new scene. */
  cutThreshold: z.number().min(0).max(2),
  licence: z.string(),
  source: z.string(),
});

export type ModelManifest = z.infer<typeof modelManifest>;
