import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formulaCheckpoint } from '../../test/support/checkpoint.ts';
import { TINY, TINY_CONFIG } from '../../test/support/formula.ts';
import { GraphCache, type GraphRequest } from './graph-cache.ts';

let folder: string;
let checkpoint: string;
let cacheFolder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'depthcast-graphs-'));
  checkpoint = join(folder, 'tiny.pth');
  cacheFolder = join(folder, 'cache');
  writeFileSync(checkpoint, formulaCheckpoint(TINY));
});
afterEach(() => rmSync(folder, { recursive: true }));

const request = (change: Partial<GraphRequest> = {}): GraphRequest => ({
  checkpoint,
  kind: 'stream',
  width: 56,
  height: 42,
  precision: 'float32',
  config: TINY_CONFIG,
  ...change,
});

const graphs = () => readdirSync(cacheFolder).filter((name) => name !== 'hashes');

test('builds a graph that runs, once for the same request', async () => {
  const cache = new GraphCache(cacheFolder);
  const [path, again] = await Promise.all([cache.get(request()), cache.get(request())]);
  expect(again).toBe(path);
  const session = await InferenceSession.create(path);
  expect(session.inputNames).toContain('c7');
  await session.release();
  const built = readFileSync(path);
  const { ino } = statSync(path);
  expect(await new GraphCache(cacheFolder).get(request())).toBe(path);
  expect(statSync(path).ino).toBe(ino);
  expect(readFileSync(path)).toEqual(built);
  expect(graphs()).toHaveLength(1);
});

test('another size, precision, kind, network or content is another graph', async () => {
  const cache = new GraphCache(cacheFolder);
  const paths = new Set<string>();
  for (const change of [
    {},
    { width: 70 },
    { precision: 'float16' },
    { kind: 'offline' },
    { config: { ...TINY_CONFIG, heads: 6 } },
  ] as const)
    paths.add(await cache.get(request(change)));
  const bytes = readFileSync(checkpoint);
  bytes[bytes.indexOf('archive/data/pretrained.cls_token') + 200]! ^= 1;
  writeFileSync(checkpoint, bytes);
  paths.add(await cache.get(request()));
  expect(paths.size).toBe(6);
  expect(graphs()).toHaveLength(6);
});

test('what does not build leaves nothing behind, and old ruins are cleared away', async () => {
  const cache = new GraphCache(cacheFolder);
  await expect(cache.get(request({ width: 57 }))).rejects.toMatchObject({ code: 'BAD_SIZE' });
  await expect(cache.get(request({ checkpoint: join(folder, 'none.pth') }))).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
  });
  await expect(cache.get(request({ checkpoint: folder }))).rejects.toMatchObject({ code: 'BAD_CHECKPOINT' });
  expect(graphs()).toEqual([]);
  for (const [name, age] of [
    ['building-old', 2],
    ['building-new', 0],
  ] as const) {
    mkdirSync(join(cacheFolder, name));
    const then = new Date(Date.now() - age * 3600 * 1000);
    utimesSync(join(cacheFolder, name), then, then);
  }
  await cache.get(request());
  expect(graphs().filter((name) => name.startsWith('building-'))).toEqual(['building-new']);
});

test('a folder that cannot be written is named', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(new GraphCache(join(folder, 'file', 'cache')).get(request())).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringContaining('models.folder'),
  });
});

test('when full, the graph that was not used for longest goes', async () => {
  const one = await new GraphCache(cacheFolder).get(request());
  const bytes = readdirSync(dirname(one)).reduce((sum, name) => sum + statSync(join(dirname(one), name)).size, 0);
  const cache = new GraphCache(cacheFolder, { maxBytes: 2.5 * bytes });
  const two = await cache.get(request({ width: 70 }));
  const yesterday = new Date(Date.now() - 86_400_000);
  utimesSync(two, yesterday, yesterday);
  const three = await cache.get(request({ width: 84 }));
  expect(
    graphs()
      .map((name) => join(cacheFolder, name))
      .sort(),
  ).toEqual([dirname(one), dirname(three)].sort());
});
