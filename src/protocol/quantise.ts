import type { Affine } from './layout.ts';

/** The u16 code of a pixel without a value: NaN or infinite where it was encoded, NaN where it is decoded. */
const NO_VALUE = 0xffff;
/** The finest that sixteen bits hold beside NO_VALUE. */
export const U16_STEPS = 0xfffe;
const U8_STEPS = 0xff;

/**
 * Eight bits over the display range: code 0 is `far`, 255 is `near`; values outside saturate, NaN is shown as `far`.
 * Returns the affine map back to values.
 */
export function quantise8(values: Float32Array, near: number, far: number, codes: Uint16Array): Affine {
  const offset = Math.fround(far);
  const scale = Math.fround((Math.fround(near) - offset) / U8_STEPS);
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < values.length; i++) {
    const code = (values[i]! - offset) * inverse + 0.5;
    // NaN fails both comparisons.
    codes[i] = code >= U8_STEPS ? U8_STEPS : code > 0 ? code | 0 : 0;
  }
  return { offset, scale };
}

/**
 * Sixteen bits over the frame's own finite minimum and maximum, so that nothing clips: codes 0..`steps`, error at most
 * half a step. Non-finite values become NO_VALUE. Returns the affine map back to values.
 */
export function quantise16(values: Float32Array, codes: Uint16Array, steps = U16_STEPS): Affine {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let finite = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value - value !== 0) continue; // not finite
    finite++;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const offset = min <= max ? min : 0;
  let scale = min <= max ? Math.fround((max - min) / steps) : 0;
  // At the upper limit of float32 the rounded step could carry the last code beyond it.
  if (!Number.isFinite(Math.fround(offset + scale * steps))) scale = Math.fround(scale * (1 - 2 ** -23));
  const inverse = scale === 0 ? 0 : 1 / scale;
  // The usual case: storing truncates, and nothing needs a bound (a subnormal `scale` is rounded too much for that).
  if (finite === values.length && (max - offset) * inverse < steps + 0.5) {
    for (let i = 0; i < values.length; i++) codes[i] = (values[i]! - offset) * inverse + 0.5;
    return { offset, scale };
  }
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const code = (value - offset) * inverse + 0.5;
    codes[i] = value - value !== 0 ? NO_VALUE : code >= steps ? steps : code | 0;
  }
  return { offset, scale };
}

/** Undoes quantise8. `codes` and `values` may not share memory. */
export function dequantise8(codes: Uint16Array, { offset, scale }: Affine, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = offset + scale * codes[i]!;
}

/** Undoes quantise16; NO_VALUE becomes NaN. */
export function dequantise16(codes: Uint16Array, { offset, scale }: Affine, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    const code = codes[i]!;
    values[i] = code === NO_VALUE ? Number.NaN : offset + scale * code;
  }
}
