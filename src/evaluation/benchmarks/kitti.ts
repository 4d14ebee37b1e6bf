import { basename, join } from 'node:path';
import { bad } from '../image.ts';
import type { Pinhole } from '../temporal.ts';
import type { SequenceEntry, SequenceSelection } from '../types.ts';
import { pngDepth } from './depth-file.ts';
import { firstOf, foldersIn, isFolder, namesIn, readTable } from './files.ts';
import { type ListedFrame, listedSequence } from './listed.ts';

const UNITS_PER_METRE = 256;
const FACTS = { fps: 10, maxDepth: 80 };
const DRIVE = /^(\d{4}_\d{2}_\d{2})_drive_\d{4}_sync$/;
const TRUTH = join('proj_depth', 'groundtruth', 'image_02');

/**
 * KITTI depth (Uhrig et al., 3DV 2017): the drives of val/ or train/ with their pictures in DATE/DRIVE/image_02/data of the raw
 * data, or the single frames of depth_selection's val_selection_cropped/.
 * @throws DepthcastError BAD_DATASET
 */
export async function openKitti(folder: string, selection: SequenceSelection): Promise<SequenceEntry[]> {
  const chosen = firstOf(
    join(folder, 'val_selection_cropped'),
    join(folder, 'depth_selection', 'val_selection_cropped'),
  );
  if (basename(folder) === 'val_selection_cropped') return [await selected(folder, selection)];
  const truth = firstOf(join(folder, 'val'), join(folder, 'train')) ?? folder;
  const drives = foldersIn(truth, DRIVE).filter((drive) => isFolder(join(drive, TRUTH)));
  if (drives.length === 0 && chosen) return [await selected(chosen, selection)];
  if (drives.length === 0) throw bad(folder, `there is no DRIVE/${TRUTH}, and no val_selection_cropped`);
  const entries: SequenceEntry[] = [];
  for (const drive of drives) entries.push(await driven(folder, drive, selection));
  return entries;
}

function driven(folder: string, drive: string, selection: SequenceSelection): Promise<SequenceEntry> {
  const name = basename(drive);
  const [, date] = DRIVE.exec(name)!;
  const day = firstOf(join(folder, date!), join(folder, 'raw', date!), join(folder, '..', date!));
  if (!day || !isFolder(join(day, name)))
    throw bad(join(folder, date!, name), 'the folder with the raw pictures is missing');
  const intrinsics = calibration(join(day, 'calib_cam_to_cam.txt'));
  const frames = namesIn(join(drive, TRUTH), /\.png$/i).map(
    (file): ListedFrame => ({
      picture: join(day, name, 'image_02', 'data', file),
      depth: pngDepth(join(drive, TRUTH, file), UNITS_PER_METRE),
      intrinsics,
    }),
  );
  // Sides made even, as Video Depth Anything's benchmark does (eval_utils.py).
  return listedSequence(
    { name: `kitti:${name}`, ...FACTS, crop: { top: 0, bottom: 374, left: 0, right: 1242 } },
    frames,
    selection,
  );
}

function selected(folder: string, selection: SequenceSelection): Promise<SequenceEntry> {
  const truth = join(folder, 'groundtruth_depth');
  const frames = namesIn(truth, /\.png$/i).map((file): ListedFrame => {
    const picture = file.replace('_groundtruth_depth_', '_image_');
    return { picture: join(folder, 'image', picture), depth: pngDepth(join(truth, file), UNITS_PER_METRE) };
  });
  return listedSequence({ name: 'kitti:val_selection', ...FACTS, separate: true }, frames, selection);
}

/** Of the left colour camera after rectification; undefined where the file was not fetched: nothing here needs it but poses. */
function calibration(path: string): Pinhole | undefined {
  if (!firstOf(path)) return undefined;
  const p = readTable(path)
    .find(([key]) => key === 'P_rect_02:')
    ?.slice(1)
    .map(Number);
  if (p?.length !== 12 || !p.every(Number.isFinite)) throw bad(path, 'P_rect_02 has no 12 numbers');
  return { fx: p[0]!, fy: p[5]!, cx: p[2]!, cy: p[6]! };
}
