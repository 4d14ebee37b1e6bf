import type { DepthUnit, MetricMap } from '../protocol/index.ts';

/**
 * A network's values in metres.
 * @param unit of the values: metres are scaled, of disparity scale * value + shift is the inverse of metres
 * @param out as long as `values`; what lies beyond the farthest that the fit knows is Infinity (no return in REP 117)
 */
export function metresOf(
  values: Float32Array,
  unit: DepthUnit,
  { scale, shift }: Pick<MetricMap, 'scale' | 'shift'>,
  out: Float32Array,
): void {
  if (unit === 'metres') for (let i = 0; i < values.length; i++) out[i] = scale * values[i]!;
  else
    for (let i = 0; i < values.length; i++) {
      const inverse = scale * values[i]! + shift;
      out[i] = inverse > 0 ? 1 / inverse : Number.POSITIVE_INFINITY;
    }
}
