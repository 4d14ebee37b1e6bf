import { BALL, EYE, OFFSET, type Records, STRIDE, type View } from './records.ts';

/**
 * Antialiasing after shading: where neighbouring pixels show different things, the exact outline between their centres
 * says how much of each belongs to the other (geometric post-process antialiasing). Depth is not touched.
 */
export function smoothEdges(view: View, pixels: Int32Array): void {
  const { ids, width, height } = view;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let i = row; i < row + width - 1; i++)
      if (ids[i] !== ids[i + 1]) smoothPair(view, pixels, i, i + 1, i - row, y, 1, 0);
    if (y + 1 === height) break;
    for (let i = row; i < row + width; i++)
      if (ids[i] !== ids[i + width]) smoothPair(view, pixels, i, i + width, i - row, y, 0, 1);
  }
}

function smoothPair(
  view: View,
  pixels: Int32Array,
  p: number,
  q: number,
  x: number,
  y: number,
  dx: number,
  dy: number,
): void {
  const { ids, records } = view;
  const { surfaces } = records;
  const a = ids[p]!;
  const b = ids[q]!;
  const surface = a === 0 ? -1 : surfaces[a - 1]!;
  if (surface >= 0 && b !== 0 && surfaces[b - 1] === surface) return;
  if (pixels[p] !== pixels[q]) blend(view, pixels, p, q, x, y, dx, dy);
}

/** Mixes pixel p and its neighbour q, one step (dx, dy) on, by where the outline crosses between them. */
function blend(
  view: View,
  pixels: Int32Array,
  p: number,
  q: number,
  x: number,
  y: number,
  dx: number,
  dy: number,
): void {
  const { ids, inverseDepth, records } = view;
  const pNearer = inverseDepth[p]! > inverseDepth[q]!;
  const nearer = pNearer ? ids[p]! : ids[q]!;
  const farther = pNearer ? ids[q]! : ids[p]!;
  // The nearer thing's outline hides the other; where two things run into each other it is the other's.
  let at = pNearer ? crossing(records, nearer, x, y, dx, dy) : 1 - crossing(records, nearer, x + dx, y + dy, -dx, -dy);
  if (!(at >= 0 && at <= 1) && farther !== 0)
    at = pNearer ? 1 - crossing(records, farther, x + dx, y + dy, -dx, -dy) : crossing(records, farther, x, y, dx, dy);
  if (!(at >= 0 && at <= 1)) return;
  if (at < 0.5) pixels[p] = mixPixels(pixels[p]!, pixels[q]!, (128 - at * 256) | 0);
  else pixels[q] = mixPixels(pixels[q]!, pixels[p]!, (at * 256 - 128) | 0);
}

/** Share of the step from pixel (x, y) at which thing `id` ends; NaN or out of range where it does not. */
function crossing(records: Records, id: number, x: number, y: number, dx: number, dy: number): number {
  const { seen, corners, values } = records;
  const thing = seen[id - 1]!;
  if (thing.kind === BALL) {
    const here = discriminant(values, (id - 1) * STRIDE, x, y);
    const there = discriminant(values, (id - 1) * STRIDE, x + dx, y + dy);
    return here / (here - there);
  }
  let first = NaN;
  let j = thing.corner + thing.corners - 1;
  for (let i = thing.corner; i < thing.corner + thing.corners; i++) {
    const ex = corners[2 * i]! - corners[2 * j]!;
    const ey = corners[2 * i + 1]! - corners[2 * j + 1]!;
    const here = (x - corners[2 * j]!) * ey - (y - corners[2 * j + 1]!) * ex;
    const step = dx * ey - dy * ex;
    j = i;
    const t = -here / step;
    // Leaving the polygon through this edge within the step.
    if (here * step <= 0 && t <= 1 && !(t >= first)) first = t;
  }
  return first;
}

function discriminant(rec: Float64Array, o: number, x: number, y: number): number {
  const dx = rec[o]! * x + rec[o + 1]! * y + rec[o + 2]!;
  const dy = rec[o + 3]! * x + rec[o + 4]! * y + rec[o + 5]!;
  const dz = rec[o + 6]! * x + rec[o + 7]! * y + rec[o + 8]!;
  const along = rec[o + EYE]! * dx + rec[o + EYE + 1]! * dy + rec[o + EYE + 2]! * dz;
  return along * along - (dx * dx + dy * dy + dz * dz) * rec[o + OFFSET]!;
}

/** a with `share`/256 of b. */
function mixPixels(a: number, b: number, share: number): number {
  const rb = (a & 0xff00ff) + (Math.imul((b & 0xff00ff) - (a & 0xff00ff), share) >> 8);
  const ga = (a >> 8) & 255;
  const g = ga + (Math.imul(((b >> 8) & 255) - ga, share) >> 8);
  return -16777216 | (rb & 0xff00ff) | (g << 8);
}
