import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFocalModel } from '../../test/support/focal-model.ts';
import { jobOptions } from '../../test/support/job-options.ts';
import { writeLumaModel } from '../../test/support/luma-model.ts';
import type { ToyUnit } from '../../test/support/toy-model.ts';
import { findModel } from '../model/library.ts';
import { runJob } from './job.ts';
import type { JobEvents, JobOptions } from './job-types.ts';
import { readRecord } from './run-record.ts';

const [WIDTH, HEIGHT, FRAMES] = [64, 48, 6];
const folder = mkdtempSync(join(tmpdir(), 'depthcast-job-camera-'));
afterAll(() => rmSync(folder, { recursive: true }));

const clip = join(folder, 'gray.y4m');
beforeAll(() => {
  const frame = Buffer.concat([Buffer.from('FRAME\n'), Buffer.alloc((WIDTH * HEIGHT * 3) / 2, 128)]);
  const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`);
  writeFileSync(clip, Buffer.concat([head, ...Array<Buffer>(FRAMES).fill(frame)]));
});

const newFolder = () => mkdtempSync(join(folder, 'run-'));
const modelOf = (uses: boolean, unit: ToyUnit) =>
  findModel((uses ? writeFocalModel : writeLumaModel)(newFolder(), 32, 16, unit));

async function run(options: Partial<JobOptions>, events: JobEvents = {}) {
  const summary = await runJob({ ...jobOptions(clip, newFolder()), size: undefined, ...options }, events);
  const bytes = readFileSync(summary.files.npz!);
  const from = bytes.indexOf('\n', 60) + 1;
  const values = (n: number) => bytes.readFloatLE(from + 4 * WIDTH * HEIGHT * n);
  return { ...summary, values, record: (await readRecord(summary.files.record))! };
}

/** Stops when so many frames are written. */
async function runTo(frames: number, options: Partial<JobOptions>) {
  const stop = new AbortController();
  const progress = (written: number) => written === frames && stop.abort();
  return run({ ...options, signal: stop.signal }, { progress });
}

const combinations = [
  ['goes by the camera', true, 'metres'],
  ['goes by the camera', true, 'disparity'],
  ['does not', false, 'metres'],
  ['does not', false, 'disparity'],
] as const;

describe.each(combinations)('a file by a network that %s (%s) and gives %s', (_, uses, unit) => {
  const model = modelOf(uses, unit);

  it('is by the focal length, with it in the record and a warning where it is assumed, if the network asks', async () => {
    const assumed = await run({ model });
    const told = await run({ model, camera: { hfov: 90 } });
    const red = uses ? told.values(0) / 16 : told.values(0);
    expect(red).toBeGreaterThan(0.4);
    expect(red).toBeLessThan(0.6);
    const assumedFocal = 16 / Math.tan((32.5 * Math.PI) / 180);
    expect(assumed.values(0)).toBeCloseTo(uses ? red * assumedFocal : red, 4);
    expect(assumed.notes.join()).toBe(
      uses
        ? 'nothing tells the camera: a field of view of 65 degrees is assumed for the depth of a network that goes by it; --hfov tells it'
        : '',
    );
    expect(told.notes).toEqual([]);
    expect([assumed.record.options['camera'], told.record.options['camera']]).toEqual(
      uses ? ['assumed', '{"hfov":90}'] : [undefined, undefined],
    );
    expect(told.record).toMatchObject({ unit, camera: { fx: expect.closeTo(32, 6), source: 'derived' } });
  });

  it('is gone on with by the same camera, and by another one only if the network does not ask', async () => {
    const out = newFolder();
    const { record: before } = await runTo(3, { model, out });
    expect(before).toMatchObject({ complete: false });
    const other = { model, out, resume: true, camera: { hfov: 90 } };
    if (uses) {
      await expect(run(other)).rejects.toThrow('options was');
      expect((await run({ model, out, resume: true })).record).toMatchObject({ complete: true, frames: FRAMES });
      await expect(run(other)).rejects.toThrow('options was');
    } else {
      expect(await run(other)).toMatchObject({ complete: true, frames: FRAMES });
      expect(await run({ model, out, resume: true })).toMatchObject({ complete: true, frames: FRAMES });
    }
  });
});

it('is not gone on with where the network of that name goes by the camera now', async () => {
  const out = newFolder();
  const plain = writeLumaModel(newFolder(), 32, 16);
  writeFileSync(plain, readFileSync(plain, 'utf8').replace('"name":"luma"', '"name":"focal"'));
  const { record } = await runTo(3, { model: findModel(plain), out });
  expect(record).toMatchObject({ model: 'focal', complete: false });
  await expect(run({ model: modelOf(true, 'disparity'), out, resume: true })).rejects.toThrow('options was');
  expect(await readRecord(join(out, 'gray_depths.json'))).toEqual(record);
});
