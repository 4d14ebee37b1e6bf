import type { MatteUnit } from '../../src/protocol/matte.ts';

/** Ends of a display range, in the unit of the depth. */
export interface DepthRange {
  unit: 'disparity' | 'metres';
  near: number;
  far: number;
}

/** Position of a depth value within its display range: 0 far, 1 near, linear in disparity, and beyond. */
export function positionOf(value: number, { unit, near, far }: DepthRange): number {
  if (unit === 'metres') return (1 / value - 1 / far) / (1 / near - 1 / far);
  return (value - far) / (near - far);
}

/** Position of a matte's distance. */
export function positionOfDistance(distance: number, unit: MatteUnit, range: DepthRange): number {
  if (unit === 'normalised') return distance;
  return distance <= 0 ? Number.POSITIVE_INFINITY : positionOf(distance, { ...range, unit: 'metres' });
}

/** The distance at a position, rounded to what a person sets. */
export function distanceAt(position: number, unit: MatteUnit, { near, far }: DepthRange): number {
  if (unit === 'normalised') return Math.round(1000 * position) / 1000;
  const inverse = 1 / far + position * (1 / near - 1 / far);
  return inverse <= 1e-4 ? 10_000 : Math.round(1000 / inverse) / 1000;
}
