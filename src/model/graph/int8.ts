/**
 * Eight-bit weights: each output's row symmetric around 0 with a scale of its own, the largest value at 127.
 * @param weights [out, inner]
 * @returns the integers as columns [inner, out], and scales [out]: weight = integer * scale
 */
export function quantisedRows(
  weights: Float32Array,
  out: number,
  inner: number,
): { columns: Int8Array; scales: Float32Array } {
  const columns = new Int8Array(weights.length);
  const scales = new Float32Array(out);
  for (let o = 0; o < out; o++) {
    let largest = 0;
    for (let k = 0; k < inner; k++) largest = Math.max(largest, Math.abs(weights[o * inner + k]!));
    const scale = largest / 127 || 1;
    scales[o] = scale;
    for (let k = 0; k < inner; k++) columns[k * out + o] = Math.round(weights[o * inner + k]! / scale);
  }
  return { columns, scales };
}
