import { type BlockFlow, clamp, createFlow, estimateFlow, FLOW_BLOCK, type SmallPicture } from './flow.ts';

/** Half of the window by which a pixel chooses among the motions around it. */
const PIXEL_REACH = 2;
/** What a pixel's choice costs that is not its own block's motion, in gray levels a pixel of the window. */
const FOREIGN = 0.5;

export interface DepthMap {
  width: number;
  height: number;
  /** Row-major. */
  values: Float32Array;
}

/**
 * Carries a depth map over to a newer picture: each pixel of the newer picture finds where it was in the picture that the
 * map belongs to, and takes the value there. The motions are those of blocks; each pixel chooses among those around it the
 * one that fits its own surroundings best, so that outlines move with their object. Buffers are reused; one a stream.
 */
export class DepthWarp {
  #flow: BlockFlow | undefined;
  #x = new Float32Array(0);
  #y = new Float32Array(0);
  #values = new Float32Array(0);

  /**
   * @param depth belongs to `older`; its size may differ from the pictures'
   * @param older of one size with `newer`, about 160 to 320 pixels wide
   * @param newer the picture that the values are wanted for
   * @returns the values for `newer`, of the depth map's size; valid until the next call
   */
  warp(depth: DepthMap, older: SmallPicture, newer: SmallPicture): Float32Array {
    const { width, height } = newer;
    if (older.width !== width || older.height !== height) throw new RangeError('the two pictures differ in size');
    if (!this.#flow || this.#x.length !== width * height) {
      this.#flow = createFlow(width, height);
      this.#x = new Float32Array(width * height);
      this.#y = new Float32Array(width * height);
    }
    if (this.#values.length !== depth.values.length) this.#values = new Float32Array(depth.values.length);
    estimateFlow(newer, older, this.#flow);
    refine(newer, older, this.#flow, this.#x, this.#y);
    sample(depth, width, height, this.#x, this.#y, this.#values);
    return this.#values;
  }
}

/** The motion of each pixel: of the blocks around it the one by which its window looks the same in both pictures. */
function refine(newer: SmallPicture, older: SmallPicture, flow: BlockFlow, toX: Float32Array, toY: Float32Array): void {
  const { width, height } = newer;
  const { columns, rows, dx, dy } = flow;
  const others: number[] = [];
  for (let by = 0; by < rows; by++)
    for (let bx = 0; bx < columns; bx++) {
      const own = by * columns + bx;
      const [left, top] = [bx * FLOW_BLOCK, by * FLOW_BLOCK];
      othersOf(flow, bx, by, others);
      choice.fill(own);
      if (others.length > 0) {
        least.fill(Number.POSITIVE_INFINITY);
        for (const k of [own, ...others]) {
          windowSums(newer, older, left, top, Math.round(dx[k]!), Math.round(dy[k]!));
          const extra = k === own ? 0 : FOREIGN * WINDOW * WINDOW;
          for (let i = 0; i < sums.length; i++) {
            const found = sums[i]! + extra;
            if (found >= least[i]!) continue;
            least[i] = found;
            choice[i] = k;
          }
        }
      }
      for (let y = top; y < Math.min(height, top + FLOW_BLOCK); y++)
        for (let x = left; x < Math.min(width, left + FLOW_BLOCK); x++) {
          const k = choice[(y - top) * FLOW_BLOCK + x - left]!;
          toX[y * width + x] = x + dx[k]!;
          toY[y * width + x] = y + dy[k]!;
        }
    }
}

const WINDOW = 2 * PIXEL_REACH + 1;
/** A block, and what the windows of its pixels reach beyond it. */
const SIDE = FLOW_BLOCK + 2 * PIXEL_REACH;
const across = new Float32Array(SIDE * FLOW_BLOCK);
const differences = new Float32Array(SIDE);
const [sums, least] = [new Float32Array(FLOW_BLOCK * FLOW_BLOCK), new Float32Array(FLOW_BLOCK * FLOW_BLOCK)];
const choice = new Int32Array(FLOW_BLOCK * FLOW_BLOCK);

/** By how much the window of each pixel of a block differs from the one moved in the older picture: sums across, then down, into `sums`. */
function windowSums(newer: SmallPicture, older: SmallPicture, left: number, top: number, mx: number, my: number): void {
  const { width, height } = newer;
  for (let j = 0; j < SIDE; j++) {
    const y = top + j - PIXEL_REACH;
    const row = clamp(y, height) * width;
    const oldRow = clamp(y + my, height) * width;
    let sum = 0;
    for (let i = 0; i < SIDE; i++) {
      const x = left + i - PIXEL_REACH;
      const d = newer.luma[row + clamp(x, width)]! - older.luma[oldRow + clamp(x + mx, width)]!;
      differences[i] = d < 0 ? -d : d;
      sum += differences[i]!;
      if (i >= WINDOW) sum -= differences[i - WINDOW]!;
      if (i >= WINDOW - 1) across[j * FLOW_BLOCK + i - WINDOW + 1] = sum;
    }
  }
  for (let x = 0; x < FLOW_BLOCK; x++) {
    let sum = 0;
    for (let j = 0; j < SIDE; j++) {
      sum += across[j * FLOW_BLOCK + x]!;
      if (j >= WINDOW) sum -= across[(j - WINDOW) * FLOW_BLOCK + x]!;
      if (j >= WINDOW - 1) sums[(j - WINDOW + 1) * FLOW_BLOCK + x] = sum;
    }
  }
}

/** Blocks around one that move otherwise, one of those that move alike. */
function othersOf({ columns, rows, dx, dy }: BlockFlow, bx: number, by: number, into: number[]): void {
  const own = by * columns + bx;
  const alike = (a: number, b: number) => Math.abs(dx[a]! - dx[b]!) + Math.abs(dy[a]! - dy[b]!) < 0.5;
  into.length = 0;
  for (let j = Math.max(0, by - 1); j <= Math.min(rows - 1, by + 1); j++)
    for (let i = Math.max(0, bx - 1); i <= Math.min(columns - 1, bx + 1); i++) {
      const k = j * columns + i;
      if (!alike(k, own) && !into.some((known) => alike(k, known))) into.push(k);
    }
}

/** Nearest value, not a mean: a mean across an outline is a depth that nothing has. */
function sample(
  { width, height, values }: DepthMap,
  smallWidth: number,
  smallHeight: number,
  fromX: Float32Array,
  fromY: Float32Array,
  into: Float32Array,
): void {
  const [sx, sy] = [width / smallWidth, height / smallHeight];
  for (let y = 0; y < height; y++) {
    const row = Math.min(smallHeight - 1, Math.floor((y + 0.5) / sy)) * smallWidth;
    for (let x = 0; x < width; x++) {
      const small = row + Math.min(smallWidth - 1, Math.floor((x + 0.5) / sx));
      const [cx, cy] = [small % smallWidth, row / smallWidth];
      const oldX = Math.round(x + (fromX[small]! - cx) * sx);
      const oldY = Math.round(y + (fromY[small]! - cy) * sy);
      const column = oldX < 0 ? 0 : oldX >= width ? width - 1 : oldX;
      into[y * width + x] = values[(oldY < 0 ? 0 : oldY >= height ? height - 1 : oldY) * width + column]!;
    }
  }
}

/** A gray picture of `width` pixels from RGBA, by the mean of each area (BT.601). */
export function smallPicture(
  rgba: Uint8ClampedArray | Uint8Array,
  fullWidth: number,
  fullHeight: number,
  width = 160,
  into?: SmallPicture,
): SmallPicture {
  const height = Math.max(1, Math.round((fullHeight * width) / fullWidth));
  const small =
    into?.width === width && into.height === height ? into : { width, height, luma: new Uint8Array(width * height) };
  for (let y = 0; y < height; y++) {
    const [top, bottom] = span(y, height, fullHeight);
    for (let x = 0; x < width; x++) {
      const [left, right] = span(x, width, fullWidth);
      let sum = 0;
      for (let j = top; j < bottom; j++)
        for (let i = left; i < right; i++) {
          const at = 4 * (j * fullWidth + i);
          sum += 77 * rgba[at]! + 150 * rgba[at + 1]! + 29 * rgba[at + 2]!;
        }
      small.luma[y * width + x] = sum / (256 * (bottom - top) * (right - left));
    }
  }
  return small;
}

const span = (i: number, count: number, size: number): [number, number] => {
  const from = Math.floor((i * size) / count);
  return [from, Math.max(from + 1, Math.floor(((i + 1) * size) / count))];
};
