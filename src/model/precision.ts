import { DepthcastError } from '../errors.ts';

/** Arithmetic of networks. */
export const PRECISIONS = ['fp32', 'fp16', 'int8'] as const;
export type ModelPrecision = (typeof PRECISIONS)[number];

/** A manifest's word for it, and the graph builder's. */
export const GRAPH_PRECISION = { fp32: 'float32', fp16: 'float16', int8: 'int8' } as const;

/**
 * Largest absolute error that is taken for agreement with a float32 reference, for values of up to about 14.
 *
 * fp16: weights and products (encoder and head) are float16, which halves memory and is what GPUs are fast at; on a
 * CPU it is slower than float32. These islands stay float32:
 *
 * - inputs, outputs and the cached states: the streaming contract, and the temporal attention that reads them, where
 *   a cast of the cache would cost more than it saves and the mask's -1e9 would not fit;
 * - layer and group norms and softmax: sums over hundreds to thousands of values;
 * - the encoder's residual stream, which grows over all blocks and holds outliers;
 * - the last two convolutions at full resolution, as in the official code: depth needs more than 11 bits.
 *
 * int8: the encoder's linear layers, the convolutions of the head's two finer maps and the first layer of the temporal
 * modules' MLPs, weights with a scale for each output, activations by their range in the frame; cached states in 16 bits;
 * everything else float32, above all the output layers, whose rounding nothing behind them averages.
 */
export const PARITY_TOLERANCE = { fp32: 1e-4, fp16: 5e-2, int8: 1 } as const;

/**
 * How far the map of the trial picture may be from that of the float32 network, by `parityError`. Several times what was
 * measured with weights by formula: some GPU backends answer in half precision with something else altogether, and
 * trained weights may hold outliers that eight bits do not carry.
 */
const LOAD_LIMIT = { fp32: 1e-3, fp16: 0.02, int8: 0.1 } as const;

/** A depth map that varies less than this part of its mean is flat: no scene and no noise gives one. */
const FLAT = 1e-5;

/** @throws DepthcastError BAD_OUTPUT when a map of a textured picture holds non-finite values or is flat. */
export function checkDepth(depth: Float32Array): void {
  const { mean, deviation } = statistics(depth);
  if (!Number.isFinite(deviation))
    throw new DepthcastError('BAD_OUTPUT', { detail: 'it holds values that are not finite' });
  if (deviation <= FLAT * Math.abs(mean))
    throw new DepthcastError('BAD_OUTPUT', { detail: `every value is about ${mean.toPrecision(3)}` });
}

/** Mean absolute difference of two maps in units of the reference's standard deviation. */
export function parityError(depth: Float32Array, reference: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < reference.length; i++) sum += Math.abs(depth[i]! - reference[i]!);
  return sum / reference.length / statistics(reference).deviation;
}

/**
 * @returns parityError of a map of less precision
 * @throws DepthcastError BAD_OUTPUT when it is not that of the float32 network
 */
export function checkParity(depth: Float32Array, reference: Float32Array, precision: ModelPrecision): number {
  const error = depth.length === reference.length ? parityError(depth, reference) : Number.NaN;
  const limit = LOAD_LIMIT[precision];
  if (!(error <= limit))
    throw new DepthcastError('BAD_OUTPUT', {
      detail: `it is ${(100 * error).toFixed(1)} % of its spread away from the float32 network's, allowed are ${100 * limit} %`,
    });
  return error;
}

function statistics(values: Float32Array): { mean: number; deviation: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / values.length) };
}
