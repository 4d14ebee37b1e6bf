import { basename, join, resolve } from 'node:path';
import { bad } from '../image.ts';
import type { SequenceEntry, SequenceSelection } from '../types.ts';
import { npyDepth } from './depth-file.ts';
import { firstOf, foldersIn, namesIn } from './files.ts';
import { type ListedFrame, listedSequence } from './listed.ts';

const INTRINSICS = { fx: 886.81, fy: 927.06, cx: 512, cy: 384 };
/** How far the scanner reaches, in metres. */
const REACH = { indoors: 50, outdoor: 300 };

/**
 * DIODE's val/ (or one of its halves): indoors/ and outdoor/ with scene_NNNNN/scan_NNNNN/NAME.png, NAME_depth.npy (metres) and
 * NAME_depth_mask.npy. Single pictures.
 * @throws DepthcastError BAD_DATASET
 */
export async function openDiode(folder: string, selection: SequenceSelection): Promise<SequenceEntry[]> {
  const split = firstOf(join(folder, 'val')) ?? folder;
  const entries: SequenceEntry[] = [];
  for (const half of ['indoors', 'outdoor'] as const) {
    const root = basename(resolve(split)) === half ? split : join(split, half);
    const frames = foldersIn(root, /^scene_/)
      .flatMap((scene) => foldersIn(scene, /^scan_/))
      .flatMap((scan) =>
        namesIn(scan, /\.png$/i).map((file): ListedFrame => {
          const part = (end: string) => join(scan, file.replace(/\.png$/i, end));
          return {
            picture: join(scan, file),
            depth: npyDepth(part('_depth.npy'), part('_depth_mask.npy')),
            intrinsics: INTRINSICS,
          };
        }),
      );
    if (frames.length > 0)
      entries.push(
        await listedSequence(
          { name: `diode:${half}`, fps: 30, maxDepth: REACH[half], separate: true },
          frames,
          selection,
        ),
      );
  }
  if (entries.length === 0) throw bad(folder, 'there is no indoors/scene_*/scan_* and no outdoor/scene_*/scan_*');
  return entries;
}
