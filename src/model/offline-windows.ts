import { DepthcastError } from '../errors.ts';

/**
 * Long videos offline, as Video Depth Anything's official code cuts and joins them (arXiv:2501.12375, section 3.3):
 * windows of 32 frames that overlap by 10. A window's first two frames are keyframes of the past, which tie its scale
 * and shift to them; the next eight are blended with the window before.
 */
const WINDOW = 32;
const OVERLAP = 10;
const STEP = WINDOW - OVERLAP;
/** Frames of the window before that a window starts with. */
const KEYFRAMES = [0, 12, 24, 25, 26, 27, 28, 29, 30, 31] as const;
const BLEND = 8;
/** The overlap's frames that are aligned with the past: they do not appear in the result. */
const ALIGNED = OVERLAP - BLEND;

export const OFFLINE_WINDOW_FRAMES = WINDOW;
/** Maps that a window leaves to the next: two keyframes, and those that are blended. */
export const OFFLINE_STATE_MAPS = ALIGNED + BLEND;

/** Which frames of a video of `frameCount` go into each window, in order; the last is repeated where there are no more. */
export function* offlineWindows(frameCount: number): Generator<readonly number[]> {
  for (let n = 0; n * STEP < frameCount; n++) yield windowAt(n).map((index) => Math.min(index, frameCount - 1));
}

/** The n-th window of a video that does not end before. Keyframes are those of the window before, the very first stays. */
export function windowAt(n: number): readonly number[] {
  return Array.from({ length: WINDOW }, (_, i) => {
    if (n === 0 || i >= OVERLAP) return n * STEP + i;
    return i === 0 ? 0 : (n - 1) * STEP + KEYFRAMES[i]!;
  });
}

/** Joins the depth maps of consecutive windows. Holds two keyframes and the last window's array. */
export class OfflineStitcher {
  readonly #metric: boolean;
  readonly #size: number;
  /** The last frames, which the next window still changes. */
  #pending: Float32Array[] = [];
  #keyframes: Float32Array[] = [];

  /** @param size Values of one depth map. @param metric Metres: nothing to align, only to blend. */
  constructor(size: number, { metric }: { metric: boolean }) {
    this.#size = size;
    this.#metric = metric;
  }

  /**
   * @param depths 32 maps; they are changed, and the stitcher keeps the array.
   * @returns the frames that are now final, in order.
   */
  push(depths: Float32Array): Float32Array[] {
    const size = this.#size;
    if (depths.length !== WINDOW * size)
      throw new DepthcastError('INTERNAL', { detail: `${depths.length} values for ${WINDOW} maps of ${size}` });
    const maps = Array.from({ length: WINDOW }, (_, i) => depths.subarray(i * size, (i + 1) * size));
    if (this.#pending.length > 0) this.#join(maps);
    const first = this.#keyframes[0] ?? maps[0]!.slice();
    this.#keyframes = [first, maps[KEYFRAMES[1]]!.slice()];
    const fresh = this.#pending.length > 0 ? maps.slice(ALIGNED) : maps;
    this.#pending = fresh.slice(-BLEND);
    return fresh.slice(0, -BLEND);
  }

  /** A copy of what a window leaves to the next, after at least one: OFFLINE_STATE_MAPS maps. */
  state(): Float32Array<ArrayBuffer> {
    const state = new Float32Array(OFFLINE_STATE_MAPS * this.#size);
    [...this.#keyframes, ...this.#pending].forEach((map, i) => {
      state.set(map, i * this.#size);
    });
    return state;
  }

  /** Goes on behind the window that left this. */
  restore(state: Float32Array): void {
    const maps = Array.from({ length: OFFLINE_STATE_MAPS }, (_, i) =>
      state.subarray(i * this.#size, (i + 1) * this.#size),
    );
    this.#keyframes = maps.slice(0, ALIGNED);
    this.#pending = maps.slice(ALIGNED);
  }

  /** The frames still held back; the last of them may be repetitions. */
  finish(): Float32Array[] {
    const rest = this.#pending;
    this.#pending = [];
    this.#keyframes = [];
    return rest;
  }

  #join(maps: readonly Float32Array[]): void {
    if (!this.#metric) {
      const { scale, shift } = align(maps, this.#keyframes);
      for (const map of maps) for (let i = 0; i < map.length; i++) map[i] = Math.max(0, map[i]! * scale + shift);
    }
    this.#pending.forEach((past, k) => {
      const map = maps[ALIGNED + k]!;
      const weight = k / (BLEND - 1);
      for (let i = 0; i < map.length; i++) map[i] = past[i]! * (1 - weight) + map[i]! * weight;
    });
  }
}

/** Least squares: the scale and shift that bring the first maps closest to the keyframes. */
function align(maps: readonly Float32Array[], keyframes: readonly Float32Array[]): { scale: number; shift: number } {
  let xx = 0;
  let x1 = 0;
  let xy = 0;
  let y1 = 0;
  let count = 0;
  keyframes.forEach((target, k) => {
    const map = maps[k]!;
    for (let i = 0; i < map.length; i++) {
      const x = map[i]!;
      const y = target[i]!;
      xx += x * x;
      x1 += x;
      xy += x * y;
      y1 += y;
    }
    count += map.length;
  });
  const determinant = xx * count - x1 * x1;
  if (determinant === 0) return { scale: 1, shift: 0 };
  return { scale: (count * xy - x1 * y1) / determinant, shift: (xx * y1 - x1 * xy) / determinant };
}
