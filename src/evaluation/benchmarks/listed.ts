import { DepthcastError } from '../../errors.ts';
import { bad, readPicture } from '../image.ts';
import type { Pinhole } from '../temporal.ts';
import type { CropRect, Sequence, SequenceEntry, SequenceSelection } from '../types.ts';
import type { DepthFile, Size } from './depth-file.ts';

/** Files that are looked at in one go before anything is run. */
const AT_ONCE = 16;

/** A picture and its truth, where the files of a benchmark have them. */
export interface ListedFrame {
  picture: string;
  depth: DepthFile;
  /** Camera-to-world, 4x4 column-major. */
  pose?: Float64Array | undefined;
  intrinsics?: Pinhole | undefined;
}

/** Pixels of a depth map that count: from row `top` to before row `bottom`, and so on. Negative: from the far end. */
export interface Crop {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

export interface ListedFacts {
  name: string;
  fps: number;
  maxDepth: number;
  separate?: boolean;
  dense?: boolean;
  /** What a protocol leaves out of each map. */
  crop?: Crop;
  /** The maps become as small as the crop, instead of unknown outside of it. */
  cut?: boolean;
  window?: CropRect;
}

/**
 * A sequence of listed files. All that will be read is looked at: that it is there, whole, and of the first one's size.
 * @throws DepthcastError BAD_DATASET naming the file
 */
export async function listedSequence(
  { name, fps, maxDepth, separate = false, dense = false, crop, cut = false, window }: ListedFacts,
  frames: readonly ListedFrame[],
  { maxFrames, stride = 1 }: SequenceSelection,
): Promise<SequenceEntry> {
  const chosen = frames.filter((_, n) => n % stride === 0).slice(0, maxFrames);
  if (chosen.length === 0) throw new DepthcastError('BAD_DATASET', { detail: `${name}: it has no frames` });
  const size = await chosen[0]!.depth.size();
  for (let n = 0; n < chosen.length; n += AT_ONCE) {
    const checks = chosen.slice(n, n + AT_ONCE).map(({ depth }) => depth.check(size));
    // The first in order is told, whichever was looked at first.
    const failed = (await Promise.allSettled(checks)).find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }
  const kept = crop && inside(crop, size, chosen[0]!.depth.path);
  const truth = async (index: number) => {
    const { depth, pose, intrinsics } = chosen[index]!;
    const whole = await depth.read(size);
    return { depth: kept ? cropped(whole, size, kept, cut) : whole, pose, intrinsics };
  };
  const shown = kept && cut ? { width: kept.right - kept.left, height: kept.bottom - kept.top } : size;
  const sequence: Sequence = {
    name,
    frames: chosen.length,
    ...shown,
    fps: fps / stride,
    maxDepth,
    posed: !separate && chosen.every(({ pose, intrinsics }) => intrinsics && pose),
    tripod: false,
    separate,
    dense,
    window,
    takes: separate ? chosen.map((_, n) => n) : [0],
    truth,
    frame: async (index) => ({ ...(await truth(index)), picture: await readPicture(chosen[index]!.picture) }),
  };
  return { name, frames: chosen.length, open: async () => sequence };
}

function inside({ top, bottom, left, right }: Crop, { width, height }: Size, path: string): Crop {
  const end = (value: number, length: number) => (value <= 0 ? length + value : Math.min(value, length));
  const kept = { top, bottom: end(bottom, height), left, right: end(right, width) };
  if (kept.bottom - top < 1 || kept.right - left < 1)
    throw bad(path, `it is ${width}x${height}, too small for this benchmark's crop`);
  return kept;
}

function cropped(depth: Float32Array, { width, height }: Size, kept: Crop, cut: boolean): Float32Array {
  const { top, bottom, left, right } = kept;
  if (cut) {
    const out = new Float32Array((bottom - top) * (right - left));
    for (let y = top; y < bottom; y++)
      out.set(depth.subarray(y * width + left, y * width + right), (y - top) * (right - left));
    return out;
  }
  for (let y = 0; y < height; y++)
    if (y < top || y >= bottom) depth.fill(0, y * width, (y + 1) * width);
    else {
      depth.fill(0, y * width, y * width + left);
      depth.fill(0, y * width + right, (y + 1) * width);
    }
  return depth;
}
