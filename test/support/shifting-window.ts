import ort from 'onnxruntime-node';
import type { InstalledModel } from '../../src/model/library.ts';

/** Channels of the embedded network's caches, and their tokens for a picture. */
const CHANNELS = [160, 160, 96, 96, 64];
const tokens = (width: number, height: number): number[] => {
  const of = (stride: number) => Math.ceil(width / stride) * Math.ceil(height / stride);
  return [of(32), of(32), of(16), of(16), 1];
};

/**
 * The embedded network with its window kept by shifting: the last seven frames in order of age, in fresh arrays. Slow,
 * and shares no code with the ring that it is compared with.
 * @param images [3, height, width] each, normalised
 */
export async function shiftingWindow(
  model: InstalledModel,
  images: readonly Float32Array[],
  width: number,
  height: number,
): Promise<Float32Array[]> {
  const session = await ort.InferenceSession.create(model.file, { intraOpNumThreads: 2 });
  const counts = tokens(width, height);
  const past: Float32Array[][] = [];
  const maps: Float32Array[] = [];
  for (const image of images) {
    const mask = Float32Array.from({ length: 8 }, (_, s) => (s === 7 || s < past.length ? 0 : -1e4));
    const feeds: Record<string, ort.Tensor> = {
      image: new ort.Tensor('float32', image, [1, 3, height, width]),
      slots: new ort.Tensor('int64', BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n, 7n, 0n), [8]),
      mask: new ort.Tensor('float32', mask, [8]),
    };
    CHANNELS.forEach((C, k) => {
      const N = counts[k]!;
      const cache = new Float32Array(N * 7 * C);
      past.forEach((states, age) => {
        for (let n = 0; n < N; n++) cache.set(states[k]!.subarray(n * C, (n + 1) * C), (n * 7 + age) * C);
      });
      feeds[`c${k}`] = new ort.Tensor('float32', cache, [N, 7, C]);
    });
    const out = await session.run(feeds);
    past.unshift(CHANNELS.map((_, k) => Float32Array.from(out[`h${k}`]!.data as Float32Array)));
    past.length = Math.min(past.length, 7);
    maps.push(Float32Array.from(out['depth']!.data as Float32Array));
  }
  await session.release();
  return maps;
}
