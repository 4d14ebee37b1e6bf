import { allowedSizes } from '../model/size.ts';
import type { WorkerInferencer } from './inferencer.ts';

/** Part of a frame's time that the network may take; the rest is for codecs and sockets. */
const SHARE = 0.8;
/** Frames that are timed for each size, after one that is not. */
const FRAMES = 5;

export interface MeasuredSize {
  size: number;
  /** Of the network for one 16:9 frame. */
  milliseconds: number;
  /** False when not even the smallest size is quick enough. */
  holds: boolean;
}

/**
 * The largest of a model's sizes that holds a frame rate on this machine as it is now. Time grows smoothly with size, so
 * two measured sizes tell where to look next; a few are measured, not all.
 */
export async function measureSize(inferencer: WorkerInferencer, fps: number): Promise<MeasuredSize> {
  const { sizes } = allowedSizes(inferencer.model);
  const budget = (SHARE * 1000) / fps;
  const times = new Map<number, number>();
  const time = async (index: number): Promise<number> => {
    const known = times.get(index) ?? (await frameTime(inferencer, sizes[index]!));
    times.set(index, known);
    return known;
  };

  // Invariant: sizes[low] holds, sizes[high] does not.
  let low = 0;
  let high = sizes.length;
  if ((await time(low)) > budget) return { size: sizes[0]!, milliseconds: await time(0), holds: false };
  while (high - low > 1) {
    // Between two measured sizes along a power law; beyond the last by area alone.
    const [a, b] = [await time(low), high < sizes.length ? await time(high) : undefined];
    const exponent = b === undefined ? 2 : Math.log(b / a) / Math.log(sizes[high]! / sizes[low]!);
    const guess = sizes[low]! * (budget / a) ** (1 / Math.max(exponent, 0.5));
    const next = sizes.findLastIndex((size) => size <= guess);
    const index = Math.min(Math.max(next, low + 1), high - 1);
    if ((await time(index)) <= budget) low = index;
    else high = index;
  }
  return { size: sizes[low]!, milliseconds: await time(low), holds: true };
}

/** Median milliseconds of the network at one size. */
async function frameTime(inferencer: WorkerInferencer, size: number): Promise<number> {
  const stream = inferencer.open({ size, sceneCuts: false });
  try {
    const { width, height } = stream.networkSize(16, 9);
    const times: number[] = [];
    for (let n = 0; n <= FRAMES; n++) {
      const image = stream.takeInput(width, height);
      for (let i = 0; i < image.data.length; i++) image.data[i] = 0.5 + 0.5 * Math.sin(0.02 * i + n);
      const map = await stream.infer(image, n / 30);
      if (n > 0) times.push(map.timings.inference);
      map.release();
    }
    return times.sort((a, b) => a - b)[FRAMES >> 1]!;
  } finally {
    stream.close();
  }
}
