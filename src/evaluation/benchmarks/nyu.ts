import { basename, join } from 'node:path';
import { bad } from '../image.ts';
import type { SequenceEntry, SequenceSelection } from '../types.ts';
import { pngDepth } from './depth-file.ts';
import { firstOf, foldersIn, isFolder, namesIn } from './files.ts';
import { type ListedFrame, listedSequence } from './listed.ts';

/** Of the colour camera, to which depth is projected: camera_params.m of the data set's toolbox. */
const INTRINSICS = { fx: 518.85790117450188, fy: 519.46961112127485, cx: 325.58244941119034, cy: 253.73616633400465 };
/** Of Eigen et al. (NIPS 2014), which everybody has kept. */
const CROP = { top: 45, bottom: 471, left: 41, right: 601 };
const FACTS = { fps: 30, maxDepth: 10, crop: CROP };
/** Of the videos that Video Depth Anything's benchmark extracts. */
const VIDEO_UNITS_PER_METRE = 6000;

/**
 * NYU Depth v2: the 654 test pictures of official_splits/test/SCENE/rgb_NNNNN.jpg with sync_depth_NNNNN.png (millimetres; the
 * layout of BTS, AdaBins and ZoeDepth), or videos SCENE/rgb, SCENE/depth (1/6000 m).
 * @throws DepthcastError BAD_DATASET
 */
export async function openNyu(folder: string, selection: SequenceSelection): Promise<SequenceEntry[]> {
  const test = firstOf(join(folder, 'official_splits', 'test'), join(folder, 'test')) ?? folder;
  const stills = foldersIn(test).flatMap((scene) =>
    namesIn(scene, /^rgb_\d+\.(jpe?g|png)$/i).map(
      (file): ListedFrame => ({
        picture: join(scene, file),
        depth: pngDepth(join(scene, `sync_depth_${/\d+/.exec(file)![0]}.png`), 1000),
        intrinsics: INTRINSICS,
      }),
    ),
  );
  if (stills.length > 0)
    return [await listedSequence({ name: 'nyu:test', ...FACTS, separate: true }, stills, selection)];
  const scenes = foldersIn(folder).filter((scene) => isFolder(join(scene, 'rgb')) && isFolder(join(scene, 'depth')));
  if (scenes.length === 0) throw bad(folder, 'there is no official_splits/test, and no SCENE/rgb beside SCENE/depth');
  const entries: SequenceEntry[] = [];
  for (const scene of scenes) {
    const frames = namesIn(join(scene, 'rgb'), /\.(jpe?g|png)$/i).map(
      (file): ListedFrame => ({
        picture: join(scene, 'rgb', file),
        depth: pngDepth(join(scene, 'depth', file.replace(/\.\w+$/, '.png')), VIDEO_UNITS_PER_METRE),
        intrinsics: INTRINSICS,
      }),
    );
    entries.push(await listedSequence({ name: `nyu:${basename(scene)}`, ...FACTS }, frames, selection));
  }
  return entries;
}
