/**
 * DINOv2's learned positions at another grid: PyTorch's bicubic interpolation (a = -0.75) of the [grid, grid] table,
 * with the scale factor (side + 0.1) / grid that DINOv2 uses, which shifts every sample a little. The table is
 * unchanged at its own size.
 *
 * @param table [1 + grid*grid, channels], the class token's row first.
 * @returns [1 + rows*columns, channels].
 */
export function interpolatePositions(
  table: Float32Array,
  channels: number,
  grid: number,
  rows: number,
  columns: number,
): Float32Array {
  if (rows === grid && columns === grid) return table;
  const out = new Float32Array((1 + rows * columns) * channels);
  out.set(table.subarray(0, channels));
  const vertical = taps(rows, grid);
  const horizontal = taps(columns, grid);
  for (let i = 0, to = channels; i < rows; i++)
    for (let j = 0; j < columns; j++, to += channels)
      for (const { index: y, weight: wy } of vertical[i]!)
        for (const { index: x, weight: wx } of horizontal[j]!) {
          const weight = wy * wx;
          const from = (1 + y * grid + x) * channels;
          for (let c = 0; c < channels; c++) out[to + c]! += weight * table[from + c]!;
        }
  return out;
}

const OFFSET = 0.1;
const A = -0.75;

/** For each output position along one side: the four samples that it is made of. */
function taps(side: number, grid: number): { index: number; weight: number }[][] {
  const scale = (side + OFFSET) / grid;
  return Array.from({ length: side }, (_, i) => {
    const at = (i + 0.5) / scale - 0.5;
    const floor = Math.floor(at);
    return [-1, 0, 1, 2].map((k) => ({
      index: Math.min(grid - 1, Math.max(0, floor + k)),
      weight: cubic(Math.abs(at - floor - k)),
    }));
  });
}

/** Keys' cubic convolution kernel at distance x in [0, 2]. */
function cubic(x: number): number {
  return x <= 1 ? ((A + 2) * x - (A + 3)) * x * x + 1 : ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
}
