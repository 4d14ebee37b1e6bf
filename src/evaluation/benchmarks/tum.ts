import { basename, join, resolve } from 'node:path';
import { bad } from '../image.ts';
import type { Pinhole } from '../temporal.ts';
import type { SequenceEntry, SequenceSelection } from '../types.ts';
import { pngDepth } from './depth-file.ts';
import { firstOf, foldersIn, readTable } from './files.ts';
import { type ListedFrame, listedSequence } from './listed.ts';
import { quaternionPose } from './pose.ts';

const UNITS_PER_METRE = 5000;
/** Seconds that two sensors' readings may lie apart: associate.py's default. */
const APART = 0.02;
const pinhole = (fx: number, fy: number, cx: number, cy: number): Pinhole => ({ fx, fy, cx, cy });
/** By the camera in a TUM sequence's name (its file formats page); the sensor's default otherwise. */
const TUM_CAMERAS: readonly [RegExp, Pinhole][] = [
  [/freiburg1/, pinhole(517.3, 516.5, 318.6, 255.3)],
  [/freiburg2/, pinhole(520.9, 521.0, 325.1, 249.7)],
  [/freiburg3/, pinhole(535.4, 539.2, 320.1, 247.6)],
];
const DEFAULT_CAMERA = pinhole(525, 525, 319.5, 239.5);
const BONN_CAMERA = pinhole(542.822841, 542.57687, 315.59352, 237.756098);

/**
 * TUM RGB-D: SEQUENCE/rgb.txt and depth.txt (time, file), groundtruth.txt (time, position, quaternion; camera-to-world), depth
 * in 1/5000 m. A sequence, or a folder of sequences. Pictures, maps and poses are brought together by time.
 * @throws DepthcastError BAD_DATASET
 */
export const openTum = (folder: string, selection: SequenceSelection) =>
  openTimed(folder, selection, 'tum', (name) => ({
    intrinsics: TUM_CAMERAS.find(([camera]) => camera.test(name))?.[1] ?? DEFAULT_CAMERA,
    posed: true,
  }));

/**
 * Bonn RGB-D Dynamic: as TUM, without poses: its groundtruth.txt follows markers on the rig, not the camera.
 * @throws DepthcastError BAD_DATASET
 */
export const openBonn = (folder: string, selection: SequenceSelection) =>
  openTimed(folder, selection, 'bonn', () => ({ intrinsics: BONN_CAMERA, posed: false }));

async function openTimed(
  folder: string,
  selection: SequenceSelection,
  kind: string,
  facts: (name: string) => { intrinsics: Pinhole; posed: boolean },
): Promise<SequenceEntry[]> {
  const isSequence = (path: string) => firstOf(join(path, 'rgb.txt')) !== undefined;
  const sequences = isSequence(folder) ? [folder] : foldersIn(folder).filter(isSequence);
  if (sequences.length === 0) throw bad(folder, 'there is no sequence with rgb.txt');
  const entries: SequenceEntry[] = [];
  for (const sequence of sequences) {
    const name = basename(resolve(sequence));
    const { intrinsics, posed } = facts(name);
    const pictures = timed(join(sequence, 'rgb.txt'), 1);
    const depths = timed(join(sequence, 'depth.txt'), 1);
    const poses =
      posed && firstOf(join(sequence, 'groundtruth.txt')) ? timed(join(sequence, 'groundtruth.txt'), 7) : undefined;
    const pairs = associate(pictures, depths);
    const frames = pairs.map(
      ([picture, depth]): ListedFrame => ({
        picture: join(sequence, picture.values[0]!),
        depth: pngDepth(join(sequence, depth.values[0]!), UNITS_PER_METRE),
        pose: poses && poseAt(poses, picture.time),
        intrinsics,
      }),
    );
    // The first and last pictures often were taken before and after the poses.
    const known = poses ? frames.filter(({ pose }) => pose) : frames;
    entries.push(
      await listedSequence({ name: `${kind}:${name}`, fps: rate(pictures), maxDepth: 10 }, known, selection),
    );
  }
  return entries;
}

interface Timed {
  time: number;
  values: string[];
}

/** Lines of a time and so many values, by time. */
function timed(path: string, values: number): Timed[] {
  return readTable(path)
    .map((words) => {
      const time = Number(words[0]);
      if (words.length !== values + 1 || !Number.isFinite(time))
        throw bad(path, `"${words.join(' ')}" is no time with ${values} value${values === 1 ? '' : 's'}`);
      return { time, values: words.slice(1) };
    })
    .sort((a, b) => a.time - b.time);
}

/** Pairs whose times are next to each other, the closest first, each reading once: the data set's associate.py. */
function associate(first: readonly Timed[], second: readonly Timed[]): [Timed, Timed][] {
  const near: { apart: number; a: number; b: number }[] = [];
  let start = 0;
  for (const [a, { time }] of first.entries()) {
    while (start < second.length && second[start]!.time <= time - APART) start++;
    for (let b = start; b < second.length && second[b]!.time < time + APART; b++)
      near.push({ apart: Math.abs(second[b]!.time - time), a, b });
  }
  const [takenA, takenB] = [new Set<number>(), new Set<number>()];
  const pairs: [number, number][] = [];
  for (const { a, b } of near.sort((x, y) => x.apart - y.apart)) {
    if (takenA.has(a) || takenB.has(b)) continue;
    takenA.add(a);
    takenB.add(b);
    pairs.push([a, b]);
  }
  return pairs.sort(([a], [b]) => a - b).map(([a, b]) => [first[a]!, second[b]!]);
}

function poseAt(poses: readonly Timed[], time: number): Float64Array | undefined {
  let [low, high] = [0, poses.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (poses[middle]!.time < time) low = middle + 1;
    else high = middle;
  }
  const nearest = [poses[low - 1], poses[low]]
    .filter((pose) => pose !== undefined)
    .sort((a, b) => Math.abs(a.time - time) - Math.abs(b.time - time))[0];
  if (!nearest || Math.abs(nearest.time - time) > APART) return undefined;
  const [tx, ty, tz, x, y, z, w] = nearest.values.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return quaternionPose([tx, ty, tz], [x, y, z, w]);
}

/** Pictures a second, from the middle of their intervals. */
function rate(pictures: readonly Timed[]): number {
  const gaps = pictures
    .slice(1)
    .map(({ time }, n) => time - pictures[n]!.time)
    .sort((a, b) => a - b);
  const middle = gaps[gaps.length >> 1];
  return middle !== undefined && middle > 0.001 ? Math.round(1 / middle) || 1 : 30;
}
