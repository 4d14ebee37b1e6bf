import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { SHIPPED_MODELS } from '../model/library.ts';
import { modelFolder } from '../model/store/folder.ts';
import { WorkerInferencer } from './inferencer.ts';
import { InferencerPool } from './pool.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-pool-'));
const library = { folder, store: modelFolder(join(folder, 'store')) };
let pool: InferencerPool;

beforeAll(() => {
  const shipped = JSON.parse(readFileSync(join(SHIPPED_MODELS, 'depthcast-nano.json'), 'utf8')) as object;
  copyFileSync(join(SHIPPED_MODELS, 'depthcast-nano.onnx'), join(folder, 'nano.onnx'));
  writeFileSync(join(folder, 'broken.onnx'), 'not a graph');
  for (const name of ['a', 'b', 'c', 'd', 'e', 'broken'])
    writeFileSync(
      join(folder, `${name}.json`),
      JSON.stringify({
        ...shipped,
        name,
        file: name === 'broken' ? 'broken.onnx' : 'nano.onnx',
        ...(name === 'broken' ? { sha256: undefined } : {}),
      }),
    );
});
afterEach(async () => {
  vi.restoreAllMocks();
  await pool.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const open = (): InferencerPool => {
  pool = new InferencerPool('a', { threads: 1, workers: 1, library });
  return pool;
};

it('serves a model that is loaded while another one is being loaded', async () => {
  const first = await open().get();
  const { create } = WorkerInferencer;
  let build = () => {};
  const built = new Promise<void>((resolve) => {
    build = resolve;
  });
  vi.spyOn(WorkerInferencer, 'create').mockImplementation(async (...of) => {
    await built;
    return create.call(WorkerInferencer, ...of);
  });
  const others = [pool.get('b'), pool.get('b')];
  expect(await pool.get()).toBe(first);
  build();
  const [one, two] = await Promise.all(others);
  expect(one!.model.name).toBe('b');
  expect(two).toBe(one);
});

it('answers a load that failed for a while with the same error, and then tries again', async () => {
  const create = vi.spyOn(WorkerInferencer, 'create');
  const refusal = () => pool.get('broken').catch((error: unknown) => error);
  open();
  const [one, two] = await Promise.all([refusal(), refusal()]);
  expect(one).toMatchObject({ code: 'BAD_MODEL' });
  expect(two).toBe(one);
  expect(create).toHaveBeenCalledTimes(1);
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 10_000);
  expect(await refusal()).not.toBe(one);
  expect(create).toHaveBeenCalledTimes(2);
});

it('evicts one model at a time, never of one that is in use', async () => {
  open();
  const use = async (name: string) => (await pool.get(name)).open();
  const [a] = await Promise.all(['a', 'b', 'c'].map(use));
  const [d, e] = await Promise.allSettled([use('d'), use('e')]);
  expect(d.status).toBe('fulfilled');
  expect(e).toMatchObject({ status: 'rejected', reason: { code: 'BUSY' } });
  a!.close();
  await use('e');
  expect(pool.workers.map(({ model }) => model.name).toSorted()).toEqual(['b', 'c', 'd', 'e']);
});
