import type { Bytes } from './builder.ts';
import type { NetworkConfig } from './config.ts';
import type { EncoderFeatures } from './dinov2.ts';
import type { AssembledMaps, PatchGrid } from './head-maps.ts';
import { quantisedRows, tapsFirst, transposed } from './int8.ts';
import type { Layers } from './layers.ts';
import type { Value } from './onnx.ts';

/**
 * The head's finer maps in eight bits, for CPUs and one frame. Their channels are last, [height * width, channels], and a
 * convolution is a product: bytes are gathered, nine places for each, and the sums come out as floats, so that no range has to
 * be known beforehand. The coarser maps, which are small, and the output layers, whose errors nothing averages, are dpt.ts's.
 */

type FineMaps = Pick<AssembledMaps, 'fine' | 'middle'>;

/** Taps of a 3x3 convolution. */
const TAPS = 9;

/** Two of the encoder's taps as maps of 4 and 2 times the patches' resolution, ready for the fusion: [1, places, features]. */
export function assembleFine(
  layers: Layers,
  { mapChannels, features: channels }: NetworkConfig,
  features: readonly EncoderFeatures[],
  grid: PatchGrid,
): FineMaps {
  const { graph } = layers;
  const map = (i: number, factor: number) => {
    const name = `head.projects.${i}`;
    const projected = layers.linear(features[i]!.patches, name, mapChannels[i]!, { pointwise: true });
    const large = enlarge(layers, projected, `head.resize_layers.${i}`, grid, factor);
    const rn = `head.scratch.layer${i + 1}_rn`;
    const ready = conv(layers, graph.quantize(large), rn, channels, times(grid, factor), { bias: false });
    return graph.reshape(ready, [1, ...ready.shape]);
  };
  return { fine: map(0, 4), middle: map(1, 2) };
}

/**
 * The fusion of the finer maps.
 * @param path [1, features, 2 rows, 2 columns]
 * @returns [1, features, 8 rows, 8 columns]
 */
export function fuseFine(layers: Layers, path: Value, { fine, middle }: FineMaps, grid: PatchGrid): Value {
  const { graph } = layers;
  const [double, quarter] = [times(grid, 2), times(grid, 4)];
  const rows = (map: Value, { rows, columns }: PatchGrid) => graph.reshape(map, [rows * columns, path.shape[1]!]);
  const coarse = rows(graph.transpose(path, [0, 2, 3, 1]), double);
  const half = fuse(layers, 2, coarse, rows(middle, double), double);
  const whole = fuse(layers, 1, rows(half, quarter), rows(fine, quarter), quarter);
  return graph.transpose(whole, [0, 3, 1, 2]);
}

/** @returns [1, 2 rows, 2 columns, features]. */
function fuse(layers: Layers, index: number, path: Value, skip: Value, grid: PatchGrid): Value {
  const { graph } = layers;
  const name = `head.scratch.refinenet${index}`;
  return graph.scope(`fuse${index}`, () => {
    const sum = graph.add(path, residualUnit(layers, skip, `${name}.resConfUnit1`, grid));
    const refined = residualUnit(layers, sum, `${name}.resConfUnit2`, grid);
    const channels = refined.shape[1]!;
    const projected = layers.linear(refined, `${name}.out_conv`, channels, { pointwise: true });
    const map = graph.reshape(projected, [1, grid.rows, grid.columns, channels]);
    return graph.resizeLast(map, 2 * grid.rows, 2 * grid.columns);
  });
}

function residualUnit(layers: Layers, x: Value, name: string, grid: PatchGrid): Value {
  const { graph } = layers;
  const channels = x.shape[1]!;
  const inner = conv(layers, graph.quantizeRelu(x), `${name}.conv1`, channels, grid);
  return graph.add(conv(layers, graph.quantizeRelu(inner), `${name}.conv2`, channels, grid), x);
}

/** 3x3, with a border of zeros. @returns float32 [places, out]. */
function conv(layers: Layers, x: Bytes, name: string, out: number, grid: PatchGrid, { bias = true } = {}): Value {
  const { graph } = layers;
  const [places, channels] = x.values.shape as [number, number];
  const border = graph.expand(x.zero, [1, channels]);
  const index = graph.bytes(`neighbours:${grid.rows}x${grid.columns}`, 'int32', [places, TAPS], () => neighbours(grid));
  const gathered = graph.gather(graph.concat([x.values, border], 0), index, 0);
  const columns = { ...x, values: graph.reshape(gathered, [places, TAPS * channels]) };
  const from = { [`${name}.weight`]: [out, channels, 3, 3] };
  const quantised = (w: Float32Array) => quantisedRows(w, out, TAPS * channels, TAPS);
  const w = layers.deriveBytes(`${name}.weight:int8`, 'int8', [TAPS * channels, out], from, (w) =>
    transposed(tapsFirst(quantised(w).integers, out, channels, TAPS), out, TAPS * channels),
  );
  const scales = layers.deriveBytes(`${name}.weight:scales`, 'float32', [out], from, (w) => quantised(w).scales);
  return graph.gemmBytes(columns, w, scales, bias ? layers.tensor(`${name}.bias`, [out]) : undefined);
}

/** For each place the numbers of its neighbours row by row, itself in the middle; beyond the border the number of places. */
export function neighbours({ rows, columns }: PatchGrid): Int32Array {
  const found: number[] = [];
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      for (let row = y - 1; row <= y + 1; row++)
        for (let column = x - 1; column <= x + 1; column++) {
          const inside = row >= 0 && column >= 0 && row < rows && column < columns;
          found.push(inside ? row * columns + column : rows * columns);
        }
  return Int32Array.from(found);
}

/** A transposed convolution whose stride is its kernel: x [places, channels] to [places * factor ** 2, channels]. */
function enlarge(layers: Layers, x: Value, name: string, { rows, columns }: PatchGrid, factor: number): Value {
  const { graph } = layers;
  const channels = x.shape[1]!;
  const tile = factor * factor;
  const outputs = tile * channels;
  // [channels, out, ky, kx] to [ky, kx, out, channels].
  const weights = layers.derive(
    `${name}.weight:rows`,
    [outputs, channels],
    { [`${name}.weight`]: [channels, channels, factor, factor] },
    (w) => transposed(tapsFirst(w, channels, channels, tile), channels, outputs),
  );
  const bias = layers.derive(`${name}.bias:rows`, [outputs], { [`${name}.bias`]: [channels] }, (b) =>
    Float32Array.from({ length: outputs }, (_, i) => b[i % channels]!),
  );
  const tiles = graph.reshape(graph.gemm(x, weights, bias), [rows, columns, factor, factor * channels]);
  return graph.reshape(graph.transpose(tiles, [0, 2, 1, 3]), [rows * columns * tile, channels]);
}

const times = ({ rows, columns }: PatchGrid, factor: number): PatchGrid => ({
  rows: rows * factor,
  columns: columns * factor,
});
