import { basename, join, resolve } from 'node:path';
import { bad } from '../image.ts';
import type { SequenceEntry, SequenceSelection } from '../types.ts';
import { pngDepth } from './depth-file.ts';
import { foldersIn, isFolder, namesIn, readNumbers } from './files.ts';
import { type ListedFrame, listedSequence } from './listed.ts';
import { poseOf } from './pose.ts';

const UNITS_PER_METRE = 1000;
/** The rim that DepthCrafter and Video Depth Anything leave out. */
const CROP = { top: 8, bottom: -8, left: 11, right: -11 };

/**
 * ScanNet v2 as its SensReader unpacks it: SCENE/color/N.jpg, depth/N.png (millimetres), pose/N.txt (camera-to-world) and
 * intrinsic/intrinsic_depth.txt. A scene, or a folder of scenes.
 * @throws DepthcastError BAD_DATASET
 */
export async function openScannet(folder: string, selection: SequenceSelection): Promise<SequenceEntry[]> {
  const isScene = (path: string) => isFolder(join(path, 'color')) && isFolder(join(path, 'depth'));
  const scenes = isScene(folder) ? [folder] : foldersIn(folder).filter(isScene);
  if (scenes.length === 0) throw bad(folder, 'there is no scene with color/ and depth/');
  const entries: SequenceEntry[] = [];
  for (const scene of scenes) {
    const k = readNumbers(join(scene, 'intrinsic', 'intrinsic_depth.txt'), 16);
    const intrinsics = { fx: k[0]!, fy: k[5]!, cx: k[2]!, cy: k[6]! };
    const posed = isFolder(join(scene, 'pose'));
    const frames = namesIn(join(scene, 'color'), /\.(jpe?g|png)$/i).map((file): ListedFrame => {
      const stem = file.replace(/\.\w+$/, '');
      return {
        picture: join(scene, 'color', file),
        depth: pngDepth(join(scene, 'depth', `${stem}.png`), UNITS_PER_METRE),
        pose: posed ? poseOf(readNumbers(join(scene, 'pose', `${stem}.txt`), 16)) : undefined,
        intrinsics,
      };
    });
    entries.push(
      await listedSequence(
        { name: `scannet:${basename(resolve(scene))}`, fps: 30, maxDepth: 10, crop: CROP },
        frames,
        selection,
      ),
    );
  }
  return entries;
}
