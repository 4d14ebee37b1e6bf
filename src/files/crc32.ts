/** The CRC-32 polynomial, bits reversed. */
const POLYNOMIAL = 0xedb88320;

/**
 * CRC-32 of two pieces one behind the other, from the CRC-32 of each: the first times x^(8n), plus the second, in the
 * polynomials over GF(2) modulo the CRC's.
 * @param length bytes of the second piece
 */
export function combineCrc32(first: number, second: number, length: number): number {
  let shift = 0x80000000; // x^0
  let power = 0x00800000; // x^8: one byte
  for (let n = length; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) shift = multiply(shift, power);
    power = multiply(power, power);
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}
