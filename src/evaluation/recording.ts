import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { z } from 'zod';
import { DepthcastError } from '../errors.ts';
import { poseOf } from './benchmarks/pose.ts';
import { bad, checkDepth, readDepth, readPicture } from './image.ts';
import type { Sequence, SequenceSelection } from './types.ts';

const PICTURE = /\.(jpe?g|png)$/i;
/** Files that are looked at in one go before anything is run. */
const AT_ONCE = 16;

const positive = z.number().positive();
const intrinsicsFile = z.object({
  fx: positive,
  fy: positive,
  cx: z.number(),
  cy: z.number(),
  width: z.int().min(16).max(8192),
  height: z.int().min(16).max(8192),
});
const sequenceFile = z.strictObject({
  fps: positive.max(1000).default(30),
  maxDepth: positive.max(65.535).default(10),
  tripod: z.boolean().default(false),
  separate: z.boolean().default(false),
  dense: z.boolean().default(false),
});

/** Whether a folder looks like a recorded sequence. */
export const isRecording = (folder: string): boolean => existsSync(join(folder, 'color'));

/**
 * A recorded sequence: color/, depth/ (16-bit PNG, millimetres), intrinsics.json, and where known poses.txt and
 * sequence.json; see docs/evaluation.md. Names, counts, sizes, bits and poses of what will be read are checked here.
 * @throws DepthcastError BAD_DATASET naming the file
 */
export async function openRecording(
  folder: string,
  { maxFrames, stride = 1 }: SequenceSelection = {},
): Promise<Sequence> {
  const inside = (...names: string[]) => join(folder, ...names);
  const { width, height, ...intrinsics } = readJson(inside('intrinsics.json'), intrinsicsFile);
  const size = { width, height, from: 'intrinsics.json' };
  const settings = existsSync(inside('sequence.json'))
    ? readJson(inside('sequence.json'), sequenceFile)
    : sequenceFile.parse({});
  const all = pairs(folder);
  const poses = existsSync(inside('poses.txt')) ? readPoses(inside('poses.txt'), all.length) : undefined;
  const chosen = all
    .map((pair, n) => ({ ...pair, pose: poses?.[n] }))
    .filter((_, n) => n % stride === 0)
    .slice(0, maxFrames);
  for (let n = 0; n < chosen.length; n += AT_ONCE) {
    const checks = chosen.slice(n, n + AT_ONCE).map(({ depth }) => checkDepth(depth, size));
    // The first in order is told, whichever was looked at first.
    const failed = (await Promise.allSettled(checks)).find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }

  const { fps, ...facts } = settings;
  const truth = async (index: number) => {
    const { depth, pose } = chosen[index]!;
    return { depth: await readDepth(depth, size), pose, intrinsics };
  };
  return {
    name: basename(resolve(folder)),
    frames: chosen.length,
    width,
    height,
    fps: fps / stride,
    ...facts,
    posed: poses !== undefined && !settings.separate,
    // Each is then a clip by itself.
    takes: settings.separate ? chosen.map((_, n) => n) : [0],
    truth,
    async frame(index) {
      const { colour } = chosen[index]!;
      const known = await truth(index);
      const picture = await readPicture(colour);
      if (picture.width === width && picture.height === height) return { ...known, picture };
      picture.close();
      throw bad(colour, `it is ${picture.width}x${picture.height}, intrinsics.json says ${width}x${height}`);
    },
  };
}

/** Pictures with their depth, by name. */
function pairs(folder: string): { colour: string; depth: string }[] {
  const names = (part: string, wanted: RegExp) => {
    const path = join(folder, part);
    if (!existsSync(path)) throw bad(path, 'the folder is missing');
    const found = readdirSync(path).filter((name) => wanted.test(name));
    return found.sort(new Intl.Collator('en', { numeric: true }).compare);
  };
  const stem = (name: string) => name.slice(0, -extname(name).length);
  const colours = names('color', PICTURE);
  const depths = new Map(names('depth', /\.png$/i).map((name) => [stem(name), name]));
  if (colours.length === 0) throw bad(join(folder, 'color'), 'there are no .jpg or .png pictures');
  const stems = new Set(colours.map(stem));
  const lonely =
    colours.find((name) => !depths.has(stem(name))) ?? [...depths.values()].find((name) => !stems.has(stem(name)));
  if (lonely !== undefined || stems.size !== colours.length)
    throw new DepthcastError('BAD_DATASET', {
      detail: `${folder}: ${colours.length} pictures in color/, ${depths.size} maps in depth/; each needs one of the same name${lonely === undefined ? '' : ` (${lonely} has none)`}`,
    });
  return colours.map((name) => ({
    colour: join(folder, 'color', name),
    depth: join(folder, 'depth', depths.get(stem(name))!),
  }));
}

/** One camera-to-world matrix a line, row-major; returned column-major. */
function readPoses(path: string, frames: number): Float64Array[] {
  const lines = readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
  if (lines.length !== frames) throw bad(path, `${lines.length} poses for ${frames} pictures`);
  return lines.map((line, n) => {
    const rows = line.trim().split(/\s+/).map(Number);
    if (rows.length !== 16) throw bad(path, `line ${n + 1} has ${rows.length} numbers, not 16`);
    if (!rows.every(Number.isFinite)) throw bad(path, `line ${n + 1} holds what is no finite number`);
    const pose = poseOf(rows);
    if (!pose) throw bad(path, `line ${n + 1} is no rotation and translation`);
    return pose;
  });
}

function readJson<T>(path: string, shape: z.ZodType<T>): T {
  let tree: unknown;
  try {
    tree = JSON.parse(readFileSync(path, 'utf8'));
  } catch (thrown) {
    throw bad(path, (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is missing' : (thrown as Error).message);
  }
  const result = shape.safeParse(tree);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw bad(path, `${issue.path.join('.') || 'it'}: ${issue.message}`);
}
