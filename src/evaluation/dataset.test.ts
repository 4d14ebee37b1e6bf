import {
  cpSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DepthcastError } from '../errors.ts';
import { Picture } from '../video/index.ts';
import { parseContender } from './contender.ts';
import { findSequences } from './dataset.ts';
import { judge } from './judge.ts';
import { Predictors } from './predictor.ts';

const source = fileURLToPath(new URL('../../test/vectors/eval/recording', import.meta.url));
let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the fixture that may be broken. */
function copy(): string {
  const made = join(folder, `sequence-${count++}`);
  cpSync(source, made, { recursive: true });
  return made;
}

/** Finds a data set and judges a baseline on it, as a run would. */
async function evaluated(...names: string[]): Promise<string[]> {
  const { list } = await Predictors.load([parseContender('constant', '')], () => {
    throw new Error('no model is needed');
  });
  const entries = await findSequences(names);
  for (const entry of entries) await judge(await entry.open(), list);
  return entries.map(({ name }) => name);
}

const edit = (path: string, change: (text: string) => string) =>
  writeFileSync(path, change(readFileSync(path, 'utf8')));

describe('a broken data set is refused with the file and what is wrong with it', () => {
  it.each<[string, (at: string) => void, RegExp]>([
    ['no depth folder', (at) => rmSync(join(at, 'depth'), { recursive: true }), /depth: the folder is missing/],
    ['no intrinsics', (at) => unlinkSync(join(at, 'intrinsics.json')), /intrinsics.json: it is missing/],
    [
      'intrinsics that are no JSON',
      (at) => writeFileSync(join(at, 'intrinsics.json'), '{fx'),
      /intrinsics.json: .*JSON/,
    ],
    [
      'no focal length',
      (at) => edit(join(at, 'intrinsics.json'), (t) => t.replace('"fx"', '"f"')),
      /intrinsics.json: fx/,
    ],
    ['an unknown setting', (at) => writeFileSync(join(at, 'sequence.json'), '{"max": 3}'), /sequence.json: .*max/],
    ['no pictures', (at) => rmSync(join(at, 'color'), { recursive: true }), /holds no folder color/],
    ['a map too few', (at) => unlinkSync(join(at, 'depth/000003.png')), /7 pictures.* 6 maps.*000003.png has none/],
    ['another name', (at) => renameSync(join(at, 'color/000002.png'), join(at, 'color/2.png')), /2.png has none/],
    [
      'a pose too few',
      (at) => edit(join(at, 'poses.txt'), (t) => t.slice(t.indexOf('\n') + 1)),
      /6 poses for 7 pictures/,
    ],
    [
      'a pose that is NaN',
      (at) => edit(join(at, 'poses.txt'), (t) => t.replace(/^\S+/, 'nan')),
      /poses.txt: line 1 .*finite/,
    ],
    [
      'a pose cut short',
      (at) => edit(join(at, 'poses.txt'), (t) => t.replace(/ \S+\n/, '\n')),
      /line 1 has 15 numbers/,
    ],
    [
      'a pose that stretches',
      (at) => edit(join(at, 'poses.txt'), (t) => t.replace(/^\S+/, '1.7')),
      /line 1 is no rotation/,
    ],
    ['a map cut short', (at) => truncateSync(join(at, 'depth/000004.png'), 300), /000004.png: it is cut short/],
    ['a picture cut short', (at) => truncateSync(join(at, 'color/000005.png'), 900), /000005.png: it is cut short/],
    ['an empty picture', (at) => truncateSync(join(at, 'color/000005.png'), 0), /000005.png: it has 0 bytes/],
    [
      'a map of 8 bits',
      (at) => cpSync(join(at, 'color/000001.png'), join(at, 'depth/000001.png')),
      /in colour; depth is 16-bit/,
    ],
    [
      'a map with a broken byte',
      (at) => {
        const bytes = readFileSync(join(at, 'depth/000001.png'));
        bytes[bytes.length >> 1]! ^= 0xff;
        writeFileSync(join(at, 'depth/000001.png'), bytes);
      },
      /000001.png: it is damaged/,
    ],
    [
      'another size',
      (at) => edit(join(at, 'intrinsics.json'), (t) => t.replace('"width": 48', '"width": 64')),
      /000000.png: it is 48x36, intrinsics.json says 64x36/,
    ],
  ])('%s', async (_name, damage, message) => {
    const open = Picture.open;
    const at = copy();
    damage(at);
    const thrown = await evaluated(at).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(DepthcastError);
    expect((thrown as DepthcastError).code).toBe('BAD_DATASET');
    expect((thrown as DepthcastError).message).toMatch(message);
    expect(Picture.open).toBe(open);
  });

  it('what is missing, and names that are not scenes', async () => {
    await expect(findSequences([join(folder, 'nowhere')])).rejects.toMatchObject({ code: 'BAD_DATASET' });
    await expect(findSequences(['scene:nowhere'])).rejects.toMatchObject({ code: 'UNKNOWN_SCENE' });
  });
});

it('finds a sequence, a folder of sequences, and scenes', async () => {
  expect(await evaluated(source)).toEqual(['recording']);
  const parent = join(folder, 'several');
  for (const name of ['b', 'a']) cpSync(source, join(parent, name), { recursive: true });
  writeFileSync(join(parent, 'README.md'), 'not a sequence');
  expect(await evaluated(parent, source)).toEqual(['a', 'b', 'recording']);
  const scenes = await findSequences(['scene:all'], { maxFrames: 3 });
  expect(scenes.map(({ name }) => name)).toContain('scene:street');
  expect(scenes.every(({ frames }) => frames === 3)).toBe(true);
});

it('reads depth in metres, poses column by column, and frames without memory where they are separate', async () => {
  const at = copy();
  writeFileSync(join(at, 'sequence.json'), '{"separate": true}');
  const [entry] = await findSequences([at]);
  const sequence = await entry!.open();
  const { depth, pose, intrinsics } = await sequence.truth(2);
  expect([sequence.posed, sequence.takes.length, sequence.maxDepth]).toEqual([false, 7, 10]);
  expect(depth).toHaveLength(48 * 36);
  expect([...depth.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0]);
  expect(depth[5]! * 1000).toBeCloseTo(Math.round(depth[5]! * 1000), 3);
  expect(intrinsics).toEqual({ fx: 44, fy: 45.5, cx: 23.2, cy: 17.9 });
  expect([pose![12], pose![13], pose![14], pose![15]]).toEqual([0.06, 0.004, 0.024, 1]);
});
