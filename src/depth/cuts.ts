import type { NetworkImage } from './types.ts';

/** Weight of a new frame in the running summary, and in the distance that is usual for the scene. */
const MOMENTUM = 0.15;
/** A cut also stands out from the scene's own pace: a camera that races along is far from its past at every frame. */
const STANDS_OUT = 3;

/**
 * Finds scene cuts: the cosine distance of a frame's global feature from the running mean of its scene.
 * For a model without a `summary` output, use `signature` of the picture instead.
 */
export class CutDetector {
  readonly #threshold: number;
  #mean: Float32Array | undefined;
  #usual = 0;

  /** @param threshold cosine distance in [0, 2] above which a frame starts a new scene */
  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  reset(): void {
    this.#mean = undefined;
    this.#usual = 0;
  }

  /** Distance of `feature` from the scene so far; 0 when there is none. */
  distance(feature: Float32Array): number {
    const mean = this.#mean;
    if (mean === undefined || mean.length !== feature.length) return 0;
    let dot = 0;
    let a = 0;
    let b = 0;
    for (let i = 0; i < feature.length; i++) {
      dot += feature[i]! * mean[i]!;
      a += feature[i]! * feature[i]!;
      b += mean[i]! * mean[i]!;
    }
    return a > 0 && b > 0 ? 1 - dot / Math.sqrt(a * b) : 0;
  }

  isCut(feature: Float32Array): boolean {
    const distance = this.distance(feature);
    return distance > this.#threshold && distance > STANDS_OUT * this.#usual;
  }

  /** Takes a frame of the scene into the running mean. */
  add(feature: Float32Array): void {
    this.#usual += MOMENTUM * (this.distance(feature) - this.#usual);
    const mean = this.#mean;
    if (mean === undefined || mean.length !== feature.length) {
      this.#mean = Float32Array.from(feature);
      return;
    }
    for (let i = 0; i < feature.length; i++) mean[i] = mean[i]! + MOMENTUM * (feature[i]! - mean[i]!);
  }
}

const GRID = 8;

/** A picture's signature: the mean colour of an 8x8 grid, less its overall mean; 192 values. */
export function signature(
  { data, width, height }: NetworkImage,
  out = new Float32Array(3 * GRID * GRID),
): Float32Array {
  const plane = width * height;
  for (let c = 0; c < 3; c++) {
    let total = 0;
    for (let gy = 0; gy < GRID; gy++)
      for (let gx = 0; gx < GRID; gx++) {
        let sum = 0;
        let count = 0;
        const bottom = ((gy + 1) * height) / GRID;
        const right = ((gx + 1) * width) / GRID;
        for (let y = Math.floor((gy * height) / GRID); y < bottom; y += 2)
          for (let x = Math.floor((gx * width) / GRID); x < right; x += 2, count++)
            sum += data[c * plane + y * width + x]!;
        const mean = sum / count;
        out[(c * GRID + gy) * GRID + gx] = mean;
        total += mean;
      }
    for (let i = 0; i < GRID * GRID; i++) out[c * GRID * GRID + i]! -= total / (GRID * GRID);
  }
  return out;
}
