/** A small gray picture, row-major, 0..255. */
export interface SmallPicture {
  width: number;
  height: number;
  luma: Uint8Array;
}

/** Side of a block, pixels of the small picture. */
const BLOCK = 8;
/** Half of the window that a block is compared by: larger than the block, so that it holds some texture. */
const REACH = 6;
/** Largest motion that is looked for, pixels of the small picture. */
const SEARCH = 24;
/** Windows that differ by no more than this many gray levels a pixel are the same: noise, and what encoding does. */
const ALIKE = 1;
/** What a pixel of motion away from the neighbours' costs, in gray levels a pixel of the window. */
const SMOOTHNESS = 0.35;

/** Motion from one picture back to another: for each block, where in the older picture its content was. */
export interface BlockFlow {
  columns: number;
  rows: number;
  /** Pixels of the small picture, by block, row-major: newer position + motion = older position. */
  dx: Float32Array;
  dy: Float32Array;
}

export function createFlow(width: number, height: number): BlockFlow {
  const [columns, rows] = [Math.ceil(width / BLOCK), Math.ceil(height / BLOCK)];
  return { columns, rows, dx: new Float32Array(columns * rows), dy: new Float32Array(columns * rows) };
}

/**
 * Block matching from the newer picture to the older one, by the predictive search of video encoders: the motions of the
 * neighbours, the last frame's and none are tried, and the best is improved step by step (diamond search, Zhu and Ma, 2000);
 * parabolas give parts of a pixel.
 * @param flow takes the result; what it held is the first guess
 */
export function estimateFlow(newer: SmallPicture, older: SmallPicture, flow: BlockFlow): void {
  const { columns, rows, dx, dy } = flow;
  const area = 4 * REACH * REACH;
  const cost = (bx: number, by: number, mx: number, my: number, most = Number.POSITIVE_INFINITY): number =>
    difference(
      newer,
      older,
      bx * BLOCK + BLOCK / 2 - REACH,
      by * BLOCK + BLOCK / 2 - REACH,
      2 * REACH,
      mx,
      my,
      most * area,
    ) / area;
  // Forwards, then backwards, so that good motions spread both ways.
  for (const forwards of [true, false]) {
    for (let k = 0; k < columns * rows; k++) {
      const i = forwards ? k : columns * rows - 1 - k;
      const [bx, by] = [i % columns, Math.floor(i / columns)];
      const side = forwards ? -1 : 1;
      const near = [
        bx + side >= 0 && bx + side < columns ? i + side : -1,
        by + side >= 0 && by + side < rows ? i + side * columns : -1,
        by + side >= 0 && by + side < rows && bx - side >= 0 && bx - side < columns ? i + side * columns - side : -1,
      ].filter((j) => j >= 0);
      const penalty = (mx: number, my: number): number => {
        if (near.length === 0) return 0;
        let least = Number.POSITIVE_INFINITY;
        for (const j of near) least = Math.min(least, Math.abs(dx[j]! - mx) + Math.abs(dy[j]! - my));
        return SMOOTHNESS * Math.min(4, least);
      };
      let best = { x: 0, y: 0, cost: cost(bx, by, 0, 0) + penalty(0, 0) };
      const attempt = (x: number, y: number): boolean => {
        if (Math.abs(x) > SEARCH || Math.abs(y) > SEARCH) return false;
        const extra = penalty(x, y);
        const found = extra + cost(bx, by, x, y, best.cost - extra);
        if (found >= best.cost) return false;
        best = { x, y, cost: found };
        return true;
      };
      for (const j of [i, ...near]) attempt(Math.round(dx[j]!), Math.round(dy[j]!));
      // What is alike already is not searched for.
      for (const step of best.cost < ALIKE ? [] : [4, 2, 1]) {
        for (let again = true, turns = 0; again && turns < 8; turns++) {
          const { x, y } = best;
          again = [attempt(x + step, y), attempt(x - step, y), attempt(x, y + step), attempt(x, y - step)].some(
            Boolean,
          );
        }
      }
      dx[i] = best.x;
      dy[i] = best.y;
    }
  }
  for (let i = 0; i < columns * rows; i++) {
    const [bx, by, x, y] = [i % columns, Math.floor(i / columns), dx[i]!, dy[i]!];
    const here = cost(bx, by, x, y);
    dx[i] = x + vertex(cost(bx, by, x - 1, y), here, cost(bx, by, x + 1, y));
    dy[i] = y + vertex(cost(bx, by, x, y - 1), here, cost(bx, by, x, y + 1));
  }
}

/**
 * Sum of the differences of a square window, and of the same window moved in the older picture; pictures go on at their borders. Stops
 * once it is `most`.
 */
function difference(
  newer: SmallPicture,
  older: SmallPicture,
  left: number,
  top: number,
  side: number,
  mx: number,
  my: number,
  most: number,
): number {
  const { width, height, luma } = newer;
  const past = older.luma;
  const inside =
    Math.min(left, left + mx) >= 0 &&
    Math.min(top, top + my) >= 0 &&
    Math.max(left, left + mx) + side <= width &&
    Math.max(top, top + my) + side <= height;
  let sum = 0;
  for (let j = 0; j < side && sum < most; j++) {
    if (inside) {
      const from = (top + j) * width + left;
      const away = my * width + mx;
      for (let i = from; i < from + side; i++) {
        const d = luma[i]! - past[i + away]!;
        sum += d < 0 ? -d : d;
      }
    } else {
      const row = clamp(top + j, height) * width;
      const oldRow = clamp(top + j + my, height) * width;
      for (let i = left; i < left + side; i++)
        sum += Math.abs(luma[row + clamp(i, width)]! - past[oldRow + clamp(i + mx, width)]!);
    }
  }
  return sum;
}

/** Where the parabola through three equally spaced values is least, in -0.5..0.5. */
function vertex(before: number, here: number, after: number): number {
  const bend = before - 2 * here + after;
  return bend <= 0 ? 0 : Math.max(-0.5, Math.min(0.5, (before - after) / (2 * bend)));
}

export const clamp = (v: number, size: number): number => (v < 0 ? 0 : v >= size ? size - 1 : v | 0);

export { BLOCK as FLOW_BLOCK };
