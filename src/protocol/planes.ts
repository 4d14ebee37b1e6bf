/**
 * Lossless preparation of an image of 8- or 16-bit codes for deflate. Each code becomes its difference, modulo 2^bits,
 * from a prediction: the median of left, above, and left + above - aboveLeft (the predictor of JPEG-LS, ITU-T T.87,
 * A.4.2), in the first row and column from the one neighbour there is, at the very first pixel from 0. The difference is
 * zigzag-coded (0, -1, 1, -2, ... -> 0, 1, 2, 3, ...), so that small steps have a zero high byte; all low bytes come
 * first, then all high bytes. Depth is smooth: what deflate sees is mostly small numbers and long runs of zero.
 */

function predict(left: number, above: number, aboveLeft: number): number {
  const low = Math.min(left, above);
  const high = Math.max(left, above);
  return aboveLeft >= high ? low : aboveLeft <= low ? high : left + above - aboveLeft;
}

/** Codes to byte planes; `planes` has width*height*bytes bytes. */
export function toPlanes(codes: Uint16Array, width: number, height: number, bytes: 1 | 2, planes: Uint8Array): void {
  const count = width * height;
  const unused = 32 - 8 * bytes;
  for (let start = 0; start < count; start += width) {
    // With these, the median is `left` in the first row and `above` in the first column.
    let left = start === 0 ? 0 : codes[start - width]!;
    let aboveLeft = left;
    for (let i = start; i < start + width; i++) {
      const above = start === 0 ? left : codes[i - width]!;
      const code = codes[i]!;
      // `predict` without branches, which noise would make mispredicted: `d & (d >> 31)` is min(d, 0).
      const d = left - above;
      const excess = d & (d >> 31);
      const low = above + excess;
      const high = left - excess;
      const t = left + above - aboveLeft - high;
      const u = high + (t & (t >> 31)) - low;
      const predicted = low + (u & ~(u >> 31));
      const delta = ((code - predicted) << unused) >> unused; // sign-extended, modulo 2^bits
      const zigzag = (delta << 1) ^ (delta >> 31);
      planes[i] = zigzag;
      if (bytes === 2) planes[count + i] = zigzag >>> 8;
      aboveLeft = above;
      left = code;
    }
  }
}

/** Byte planes to codes. Any bytes give some codes: there is nothing to refuse. */
export function fromPlanes(planes: Uint8Array, width: number, height: number, bytes: 1 | 2, codes: Uint16Array): void {
  const count = width * height;
  const mask = bytes === 2 ? 0xffff : 0xff;
  for (let start = 0; start < count; start += width) {
    let left = start === 0 ? 0 : codes[start - width]!;
    let aboveLeft = left;
    for (let i = start; i < start + width; i++) {
      const above = start === 0 ? left : codes[i - width]!;
      const zigzag = bytes === 2 ? planes[i]! | (planes[count + i]! << 8) : planes[i]!;
      left = (predict(left, above, aboveLeft) + ((zigzag >>> 1) ^ -(zigzag & 1))) & mask;
      codes[i] = left;
      aboveLeft = above;
    }
  }
}

/** Codes to plain row-major bytes, little endian. */
export function toBytes(codes: Uint16Array, count: number, bytes: 1 | 2, raw: Uint8Array): void {
  if (bytes === 1) for (let i = 0; i < count; i++) raw[i] = codes[i]!;
  else
    for (let i = 0; i < count; i++) {
      raw[2 * i] = codes[i]!;
      raw[2 * i + 1] = codes[i]! >>> 8;
    }
}

/** Plain row-major bytes, little endian, to codes. */
export function fromBytes(raw: Uint8Array, count: number, bytes: 1 | 2, codes: Uint16Array): void {
  if (bytes === 1) for (let i = 0; i < count; i++) codes[i] = raw[i]!;
  else for (let i = 0; i < count; i++) codes[i] = raw[2 * i]! | (raw[2 * i + 1]! << 8);
}
