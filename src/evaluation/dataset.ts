import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DepthcastError } from '../errors.ts';
import { listScenes } from '../scene/scene.ts';
import { BENCHMARKS } from './benchmarks/index.ts';
import { openVdaList } from './benchmarks/vda-list.ts';
import { isRecording, openRecording } from './recording.ts';
import { openScene, SCENE_FRAMES } from './scene-sequence.ts';
import type { SequenceEntry, SequenceSelection } from './types.ts';

/** Most sequences in one run. */
const MAX_SEQUENCES = 1000;

/**
 * The sequences that are meant by `scene:NAME`, `scene:all`, `BENCHMARK:FOLDER`, a list of Video Depth Anything's benchmark
 * (.json), a sequence's folder, or a folder of such folders. Files are checked at once, so that a broken one is told before an
 * hour's work; scenes are built when their turn comes.
 * @throws DepthcastError BAD_DATASET, UNKNOWN_SCENE
 */
export async function findSequences(
  names: readonly string[],
  selection: SequenceSelection = {},
): Promise<SequenceEntry[]> {
  const entries: SequenceEntry[] = [];
  for (const name of names)
    if (name.startsWith('scene:')) entries.push(...scenes(name.slice('scene:'.length), selection));
    else if (benchmarkOf(name)) {
      const { open, folder } = benchmarkOf(name)!;
      entries.push(...(await open(folder, selection)));
    } else if (name.endsWith('.json')) entries.push(...(await openVdaList(name, selection)));
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

function benchmarkOf(name: string) {
  const [, kind, folder] = /^([a-z0-9-]+):(.+)$/s.exec(name) ?? [];
  const open = kind === undefined ? undefined : BENCHMARKS[kind];
  return open && folder ? { open, folder } : undefined;
}

function scenes(name: string, selection: SequenceSelection): SequenceEntry[] {
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
    throw new DepthcastError('BAD_DATASET', {
      detail: `${path} is no folder; scene:all needs none, and ${Object.keys(BENCHMARKS).join(', ')} stand before a folder with a colon`,
    });
  if (isRecording(path)) return [path];
  const inside = readdirSync(path)
    .sort()
    .map((name) => join(path, name))
    .filter((folder) => statSync(folder, { throwIfNoEntry: false })?.isDirectory() && isRecording(folder));
  if (inside.length > 0) return inside;
  throw new DepthcastError('BAD_DATASET', { detail: `${path} holds no folder color, and no folder that holds one` });
}
