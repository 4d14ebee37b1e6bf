import { basename, join, resolve } from 'node:path';
import { bad } from '../image.ts';
import type { SequenceEntry, SequenceSelection } from '../types.ts';
import { pngDepth } from './depth-file.ts';
import { firstOf, foldersIn, namesIn, readNumbers, readTable } from './files.ts';
import { type ListedFrame, listedSequence } from './listed.ts';
import { poseOf } from './pose.ts';

const INTRINSICS = { fx: 585, fy: 585, cx: 320, cy: 240 };
const UNKNOWN = 65535;
const SEQUENCE = /^seq-(\d+)$/;
const COLOUR = /^frame-\d+\.color\.png$/;

/**
 * 7-Scenes (Shotton et al., CVPR 2013): SCENE/seq-NN/frame-NNNNNN.color.png, .depth.png (millimetres, 65535 where nothing was
 * measured), .pose.txt (camera-to-world). Of a scene with a TestSplit.txt, the sequences that it names. A sequence, a scene, or a
 * folder of scenes.
 * @throws DepthcastError BAD_DATASET
 */
export async function openSevenScenes(folder: string, selection: SequenceSelection): Promise<SequenceEntry[]> {
  const sequences = SEQUENCE.test(basename(resolve(folder)))
    ? [folder]
    : [folder, ...foldersIn(folder)].flatMap((scene) => tested(scene));
  if (sequences.length === 0) throw bad(folder, 'there is no seq-NN');
  const entries: SequenceEntry[] = [];
  for (const sequence of sequences) {
    const at = resolve(sequence);
    const frames = namesIn(sequence, COLOUR).map((file): ListedFrame => {
      const part = (kind: string) => join(sequence, file.replace('color.png', kind));
      return {
        picture: join(sequence, file),
        depth: pngDepth(part('depth.png'), 1000, UNKNOWN),
        pose: poseOf(readNumbers(part('pose.txt'), 16)),
        intrinsics: INTRINSICS,
      };
    });
    const name = `7scenes:${basename(join(at, '..'))}/${basename(at)}`;
    entries.push(await listedSequence({ name, fps: 30, maxDepth: 10 }, frames, selection));
  }
  return entries;
}

/** Sequences of a scene that are for testing; all, where the scene does not say. */
function tested(scene: string): string[] {
  const all = foldersIn(scene, SEQUENCE);
  const split = firstOf(join(scene, 'TestSplit.txt'));
  if (all.length === 0 || !split) return all;
  const wanted = new Set(readTable(split).map(([word]) => Number(/\d+$/.exec(word!)?.[0])));
  return all.filter((path) => wanted.has(Number(SEQUENCE.exec(basename(path))![1])));
}
