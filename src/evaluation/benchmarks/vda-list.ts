import { dirname, join } from 'node:path';
import { z } from 'zod';
import { bad, readPicture } from '../image.ts';
import type { CropRect, SequenceEntry, SequenceSelection } from '../types.ts';
import { pngDepth } from './depth-file.ts';
import { readText } from './files.ts';
import { type Crop, type ListedFrame, listedSequence } from './listed.ts';
import { poseOf } from './pose.ts';

/** What eval.py says of each data set: how far truth counts, the part of the maps that does, and the most frames of a video. */
const DATA_SETS: Readonly<Record<string, { maxDepth: number; crop: Crop; frames: number; long: number }>> = {
  kitti: { maxDepth: 80, crop: { top: 0, bottom: 374, left: 0, right: 1242 }, frames: 110, long: 500 },
  sintel: { maxDepth: 70, crop: { top: 0, bottom: 436, left: 0, right: 1024 }, frames: 100, long: 100 },
  nyuv2: { maxDepth: 10, crop: { top: 45, bottom: 471, left: 41, right: 601 }, frames: 500, long: 500 },
  bonn: { maxDepth: 10, crop: { top: 0, bottom: 480, left: 0, right: 640 }, frames: 110, long: 500 },
  scannet: { maxDepth: 10, crop: { top: 8, bottom: -8, left: 11, right: -11 }, frames: 90, long: 500 },
};
/** Frames of a list with poses that eval_tae.sh takes, and how many of its scenes. */
const POSED_FRAMES = { from: 10, to: 180 };
const POSED_SCENES = 20;
const FPS = 30;

const matrix = z.array(z.array(z.number()));
const frameShape = z.object({
  image: z.string(),
  gt_depth: z.string(),
  factor: z.number().positive(),
  K: matrix.optional(),
  pose: matrix.optional(),
});
const listShape = z.record(z.string(), z.array(z.record(z.string(), z.array(frameShape))));
type Frame = z.infer<typeof frameShape>;

/**
 * A list of Video Depth Anything's benchmark, as its dataset_extract scripts write them (kitti_video.json, scannet_video_500.json,
 * scannet_video_tae.json, ...): data set, scenes, frames; paths from the list's folder. Judged as its eval.py and
 * eval_tae.py do: crops, ranges and frames included.
 * @throws DepthcastError BAD_DATASET
 */
export async function openVdaList(path: string, selection: SequenceSelection): Promise<SequenceEntry[]> {
  const entries: SequenceEntry[] = [];
  for (const [set, scenes] of Object.entries(readList(path))) {
    const facts = DATA_SETS[set];
    if (!facts) throw bad(path, `"${set}" is none of ${Object.keys(DATA_SETS).join(', ')}`);
    const all = scenes.flatMap((scene) => Object.entries(scene));
    const posed = all[0]?.[1][0]?.pose !== undefined;
    for (const [scene, frames] of posed ? all.slice(0, POSED_SCENES) : all) {
      const most = path.endsWith('_500.json') ? facts.long : facts.frames;
      const chosen = posed ? frames.slice(POSED_FRAMES.from, POSED_FRAMES.to) : frames.slice(0, most);
      const listed = chosen.map((frame) => listedFrame(frame, dirname(path), path));
      const { maxDepth, crop } = facts;
      const window = posed ? await pictureWindow(listed[0], crop) : undefined;
      entries.push(
        await listedSequence(
          {
            name: `${set}:${scene}`,
            fps: FPS,
            maxDepth,
            crop,
            cut: true,
            ...(window && { window }),
            dense: set === 'sintel',
          },
          listed,
          selection,
        ),
      );
    }
  }
  if (entries.length === 0) throw bad(path, 'it lists no scene');
  return entries;
}

function readList(path: string): z.infer<typeof listShape> {
  let tree: unknown;
  try {
    tree = JSON.parse(readText(path));
  } catch (thrown) {
    if ((thrown as { code?: string }).code === 'BAD_DATASET') throw thrown;
    throw bad(path, (thrown as Error).message);
  }
  const result = listShape.safeParse(tree);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw bad(path, `${issue.path.join('.') || 'it'}: ${issue.message}`);
}

function listedFrame({ image, gt_depth, factor, K, pose }: Frame, folder: string, list: string): ListedFrame {
  const [top, middle] = [K?.[0], K?.[1]];
  if (K && (top?.[0] === undefined || top[2] === undefined || middle?.[1] === undefined || middle[2] === undefined))
    throw bad(list, `${image}: K is no 3x3 matrix`);
  return {
    picture: join(folder, image),
    depth: pngDepth(join(folder, gt_depth), factor),
    // Of the whole map, though the map is cut: so does eval_tae.py.
    intrinsics: K && { fx: top![0]!, fy: middle![1]!, cx: top![2]!, cy: middle![2]! },
    pose: pose && poseOf(pose.flat()),
  };
}

/** Pictures of a list with poses are whole, and eval_tae.py cuts as many pixels off predictions, which have their size. */
async function pictureWindow(
  frame: ListedFrame | undefined,
  { top, bottom, left, right }: Crop,
): Promise<CropRect | undefined> {
  if (!frame) return undefined;
  const picture = await readPicture(frame.picture);
  const { width, height } = picture;
  picture.close();
  const end = (value: number, length: number) => (value <= 0 ? length + value : Math.min(value, length)) / length;
  return { left: left / width, right: end(right, width), top: top / height, bottom: end(bottom, height) };
}
