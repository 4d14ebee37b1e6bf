import type { DepthFrame, DepthUnit } from 'depthcast-client';

/** What a value is shown between: `near` brightest, `far` darkest, both in `unit`. */
export interface ValueRange {
  unit: DepthUnit;
  near: number;
  far: number;
}

/** Metres are shown by their inverse, as on the gray track: equal steps of brightness are equal steps of disparity. */
const disparityOf = (value: number, unit: DepthUnit): number => (unit === 'metres' ? 1 / value : value);

/** Where a value lies in the display range: 0 at far, 1 at near, clamped. NaN where there is no value. */
export function nearness(value: number, { unit, near, far }: ValueRange): number {
  const floor = disparityOf(far, unit);
  const t = (disparityOf(value, unit) - floor) / (disparityOf(near, unit) - floor);
  return Math.min(1, Math.max(0, t));
}

/** The value at a place in the display range: the inverse of `nearness`. */
export function valueAt(t: number, { unit, near, far }: ValueRange): number {
  const floor = disparityOf(far, unit);
  return disparityOf(floor + t * (disparityOf(near, unit) - floor), unit);
}

/**
 * Colours a depth map. `pixels` takes width*height pixels; those without a value become transparent.
 * @param table 256 pixels from far to near
 */
export function paint(frame: DepthFrame, table: Uint32Array, pixels: Uint32Array): void {
  const { values, unit, near, far } = frame;
  const floor = disparityOf(far, unit);
  const scale = 255 / (disparityOf(near, unit) - floor);
  const metres = unit === 'metres';
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const level = ((metres ? 1 / value : value) - floor) * scale + 0.5;
    // NaN fails every comparison.
    pixels[i] = level >= 255 ? table[255]! : level > 0 ? table[level | 0]! : level <= 0 ? table[0]! : 0;
  }
}

/** The value of the pixel at x, y in 0..1 of the picture; undefined without values or outside. */
export function sample({ values, width, height }: DepthFrame, x: number, y: number): number | undefined {
  if (values.length === 0 || x < 0 || x > 1 || y < 0 || y > 1) return undefined;
  const column = Math.min(width - 1, Math.floor(x * width));
  const row = Math.min(height - 1, Math.floor(y * height));
  return values[row * width + column];
}

/** A value for people. */
export function formatValue(value: number, unit: DepthUnit): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = value.toFixed(digits).replace('-', '−');
  return unit === 'metres' ? `${text} m` : text;
}
