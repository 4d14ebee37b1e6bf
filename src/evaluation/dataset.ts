import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DepthcastError } from '../errors.ts';
import { listScenes } from '../scene/scene.ts';
import { isRecording, openRecording } from './recording.ts';
import { openScene, SCENE_FRAMES } from './scene-sequence.ts';
import type { Selection, SequenceEntry } from './types.ts';

/** Most sequences in one run. */
const MAX_SEQUENCES = 1000;

/**
 * The sequences that are meant by `scene:NAME`, `scene:all`, a sequence's folder, or a folder of such folders. Recordings
 * are checked at once, so that a broken one is told before an hour's work; scenes are built when their turn comes.
 * @throws DepthcastError BAD_DATASET, UNKNOWN_SCENE
 */
export async function findSequences(names: readonly string[], selection: Selection = {}): Promise<SequenceEntry[]> {
  const entries: SequenceEntry[] = [];
  for (const name of names)
    if (name.startsWith('scene:')) entries.push(...scenes(name.slice('scene:'.length), selection));
    else
      for (const folder of recordings(name)) {
        const sequence = await openRecording(folder, selection);
        entries.push({ name: sequence.name, frames: sequence.frames, open: async () => sequence });
      }
  if (entries.length > MAX_SEQUENCES)
    throw new DepthcastError('BAD_DATASET', {
      detail: `${entries.length} sequences; at most ${MAX_SEQUENCES} in one run`,
    });
  return entries;
}

function scenes(name: string, selection: Selection): SequenceEntry[] {
  const known = listScenes().map((scene) => scene.name);
  if (name !== 'all' && !known.includes(name))
    throw new DepthcastError('UNKNOWN_SCENE', { detail: `"${name}"; there are all, ${known.join(', ')}` });
  return (name === 'all' ? known : [name]).map((scene) => ({
    name: `scene:${scene}`,
    frames: selection.maxFrames ?? SCENE_FRAMES,
    open: async () => openScene(scene, selection),
  }));
}

function recordings(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new DepthcastError('BAD_DATASET', { detail: `${path} is no folder; scene:all needs none` });
  if (isRecording(path)) return [path];
  const inside = readdirSync(path)
    .sort()
    .map((name) => join(path, name))
    .filter((folder) => statSync(folder, { throwIfNoEntry: false })?.isDirectory() && isRecording(folder));
  if (inside.length > 0) return inside;
  throw new DepthcastError('BAD_DATASET', { detail: `${path} holds no folder color, and no folder that holds one` });
}
