import type { DepthFrame, DepthUnit } from '../../src/protocol/index.ts';
import { DepthError } from './errors.ts';

/** How relative disparity becomes metres: z = 1 / (scale * disparity + shift). */
export interface MetresScale {
  scale: number;
  shift: number;
}

/**
 * A scale that assumes that what is shown brightest is `near` metres away and what is shown darkest `far` metres. It is an
 * assumption: good enough to put things before and behind each other, not to measure.
 * @param frame a relative frame; its display range is the reference
 * @param near metres, above 0
 * @param far metres, above `near`
 */
export function assumeMetres(frame: { near: number; far: number }, near: number, far: number): MetresScale {
  if (!(near > 0 && far > near)) throw new RangeError(`near ${near} and far ${far} must be metres with 0 < near < far`);
  const scale = (1 / near - 1 / far) / (frame.near - frame.far);
  return { scale, shift: 1 / far - scale * frame.far };
}

/**
 * The inverse depth in 1/metres of a value: what is linear in the picture plane, and zero at infinity.
 * @throws DepthError NO_METRES for a relative value without a scale
 */
export function inverseMetres(unit: DepthUnit, scale?: MetresScale): (value: number) => number {
  if (unit === 'metres') return (value) => 1 / value;
  if (!scale) throw new DepthError('NO_METRES');
  return (value) => scale.scale * value + scale.shift;
}

/**
 * The depth map in metres along the optical axis, 0 where there is no value or it lies at infinity or beyond.
 * @param into takes the values; width*height, or a new array
 * @throws DepthError NO_METRES for relative depth without a scale
 */
export function toMetres(
  { values, unit }: Pick<DepthFrame, 'values' | 'unit'>,
  scale?: MetresScale,
  into: Float32Array<ArrayBuffer> = new Float32Array(values.length),
): Float32Array<ArrayBuffer> {
  const inverse = inverseMetres(unit, scale);
  for (let i = 0; i < values.length; i++) {
    const metres = 1 / inverse(values[i]!);
    into[i] = metres > 0 && metres < Number.POSITIVE_INFINITY ? metres : 0;
  }
  return into;
}
