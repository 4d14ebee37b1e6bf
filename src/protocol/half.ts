/** Largest finite half: 65504. Finite floats beyond it are stored as this, so that finite stays finite. */
const HALF_MAX = 0x7bff;
const HALF_INFINITY = 0x7c00;
const HALF_NAN = 0x7e00;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * Float32 to IEEE 754 binary16, round to nearest even; `word` holds the float's bits.
 * Unlike IEEE, finite values beyond the range saturate at +-65504. Every NaN becomes 0x7e00.
 */
function halfFromBits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  // Normal halves: re-bias the exponent (127 - 15) and round on the 13 dropped bits; a carry runs into the exponent.
  if (magnitude >= 0x38800000) {
    if (magnitude < 0x477ff000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    if (magnitude < 0x7f800000) return sign | HALF_MAX;
    return magnitude === 0x7f800000 ? sign | HALF_INFINITY : HALF_NAN;
  }
  // Subnormal halves are multiples of 2^-24, the last mantissa bit of a float in [0.5, 1): the addition rounds.
  bits[0] = magnitude;
  float[0] = float[0]! + 0.5;
  return sign | (bits[0] - 0x3f000000);
}

/** Stores `values` as halves. NaN and infinities are kept. */
export function encodeHalves(values: Float32Array, codes: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) codes[i] = halfFromBits(words[i]!);
}

function valueOfHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 0x3ff;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent ? sign * (1 + mantissa / 1024) * 2 ** (exponent - 15) : sign * mantissa * 2 ** -24;
}

let table: Float32Array | undefined;

/** The float of each of the 65536 halves (256 KiB, built on first use). */
export function halfTable(): Float32Array {
  table ??= Float32Array.from({ length: 0x10000 }, (_, half) => valueOfHalf(half));
  return table;
}
