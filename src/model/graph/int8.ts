/** Eight-bit weights: weight = integer * scale of its output. */
export interface QuantisedRows {
  /** [out, inner]. */
  readonly integers: Int8Array;
  /** [out]. */
  readonly scales: Float32Array;
}

/**
 * Each output's row symmetric around 0 with a scale of its own, the largest value at 127.
 * @param weights [out, inner]
 * @param taps so many after each other are rounded such that their sum is: what they are multiplied with is often alike
 */
export function quantisedRows(weights: Float32Array, out: number, inner: number, taps = 1): QuantisedRows {
  const integers = new Int8Array(weights.length);
  const scales = new Float32Array(out);
  for (let o = 0; o < out; o++) {
    let largest = 0;
    for (let k = 0; k < inner; k++) largest = Math.max(largest, Math.abs(weights[o * inner + k]!));
    const scale = largest / 127 || 1;
    scales[o] = scale;
    let carried = 0;
    for (let k = 0; k < inner; k++) {
      if (k % taps === 0) carried = 0;
      const exact = weights[o * inner + k]! / scale;
      const integer = Math.max(-127, Math.min(127, Math.round(exact + carried)));
      carried += exact - integer;
      integers[o * inner + k] = integer;
    }
  }
  return { integers, scales };
}

/** [rows, columns] to [columns, rows]. */
export function transposed<T extends Int8Array | Float32Array>(values: T, rows: number, columns: number): T {
  const result = values.slice() as T;
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c]!;
  return result;
}

/** A convolution's weights [out, c, taps] as [out, taps, c]: for maps whose channels are last. */
export function tapsFirst<T extends Int8Array | Float32Array>(weights: T, out: number, c: number, taps: number): T {
  const result = weights.slice() as T;
  const size = c * taps;
  for (let o = 0; o < out; o++)
    result.set(transposed(weights.subarray(o * size, (o + 1) * size) as T, c, taps), o * size);
  return result;
}
