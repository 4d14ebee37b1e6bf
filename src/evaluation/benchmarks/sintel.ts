import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bad } from '../image.ts';
import type { Pinhole } from '../temporal.ts';
import type { SequenceEntry, SequenceSelection } from '../types.ts';
import { dptDepth } from './depth-file.ts';
import { firstOf, foldersIn, isFolder, namesIn } from './files.ts';
import { type ListedFrame, listedSequence } from './listed.ts';
import { inversePose } from './pose.ts';

const TAG = 202021.25;
/** A float32 tag, 3x3 intrinsics and the 3x4 world-to-camera matrix in float64. */
const CAMERA_BYTES = 4 + 8 * (9 + 12);

/**
 * MPI Sintel's training/ with its depth and camera supplement: clean/SCENE/frame_NNNN.png (or final/), depth/SCENE/frame_NNNN.dpt
 * and camdata_left/SCENE/frame_NNNN.cam.
 * @throws DepthcastError BAD_DATASET
 */
export async function openSintel(
  folder: string,
  selection: SequenceSelection,
  pass: 'clean' | 'final',
): Promise<SequenceEntry[]> {
  const training = firstOf(join(folder, 'training')) ?? folder;
  const scenes = foldersIn(join(training, pass));
  if (scenes.length === 0) throw bad(join(training, pass), 'there are no scenes');
  const entries: SequenceEntry[] = [];
  for (const scene of scenes) {
    const name = basename(scene);
    const cameras = join(training, 'camdata_left', name);
    const known = isFolder(cameras);
    const frames = namesIn(scene, /\.png$/i).map((file): ListedFrame => {
      const stem = file.replace(/\.\w+$/, '');
      return {
        picture: join(scene, file),
        depth: dptDepth(join(training, 'depth', name, `${stem}.dpt`)),
        ...(known && readCamera(join(cameras, `${stem}.cam`))),
      };
    });
    entries.push(
      await listedSequence({ name: `sintel:${pass}/${name}`, fps: 24, maxDepth: 70, dense: true }, frames, selection),
    );
  }
  return entries;
}

function readCamera(path: string): { intrinsics: Pinhole; pose: Float64Array } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    throw bad(path, (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is missing' : (thrown as Error).message);
  }
  if (bytes.length !== CAMERA_BYTES || bytes.readFloatLE(0) !== TAG) throw bad(path, 'it is no .cam file');
  const value = (n: number) => bytes.readDoubleLE(4 + 8 * n);
  const pose = inversePose(Array.from({ length: 12 }, (_, n) => value(9 + n)));
  if (!pose) throw bad(path, 'its extrinsics are no rotation and translation');
  return { intrinsics: { fx: value(0), fy: value(4), cx: value(2), cy: value(5) }, pose };
}
