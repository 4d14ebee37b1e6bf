import type { Size } from './size.ts';

/** Bilinear enlargement of a stack of maps, the corners of both on top of each other. */
export function resizeAligned(maps: Float32Array, from: Size, to: Size): Float32Array {
  const count = maps.length / (from.width * from.height);
  const out = new Float32Array(count * to.width * to.height);
  const columns = taps(from.width, to.width);
  const rows = taps(from.height, to.height);
  let at = 0;
  for (let map = 0; map < count; map++)
    for (const y of rows)
      for (const x of columns) {
        const base = map * from.width * from.height;
        const value = (row: number, column: number) => maps[base + row * from.width + column]!;
        const top = value(y.low, x.low) * (1 - x.part) + value(y.low, x.high) * x.part;
        const bottom = value(y.high, x.low) * (1 - x.part) + value(y.high, x.high) * x.part;
        out[at++] = top * (1 - y.part) + bottom * y.part;
      }
  return out;
}

function taps(from: number, to: number) {
  return Array.from({ length: to }, (_, i) => {
    const at = (i * (from - 1)) / (to - 1);
    const low = Math.floor(at);
    return { low, high: Math.min(from - 1, low + 1), part: at - low };
  });
}
