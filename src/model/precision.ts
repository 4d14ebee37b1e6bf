import { DepthcastError } from '../errors.ts';

/**
 * Half precision. A float16 graph keeps its weights and its products (encoder and head) in float16, which halves
 * memory and is what GPUs are fast at; on a CPU it is slower than float32. These islands stay float32:
 *
 * - inputs, outputs and the cached states: the streaming contract, and the temporal attention that reads them, where
 *   a cast of the cache would cost more than it saves and the mask's -1e9 would not fit;
 * - layer and group norms and softmax: sums over hundreds to thousands of values;
 * - the encoder's residual stream, which grows over all blocks and holds outliers;
 * - the last two convolutions at full resolution, as in the official code: depth needs more than 11 bits.
 *
 * Measured against the official float32 code (weights by formula): mean error 6e-4 of the mean depth, largest 1.2e-2
 * of a value. Some GPU backends return flat or non-finite maps in half precision: hence the checks below, at load.
 */
export const PARITY_TOLERANCE = { float32: 1e-4, float16: 5e-2 } as const;

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

function statistics(values: Float32Array): { mean: number; deviation: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / values.length) };
}
