import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { writeFocalModel } from '../../test/support/focal-model.ts';
import { writeLumaModel } from '../../test/support/luma-model.ts';
import { WorkerInferencer } from '../depth/inferencer.ts';
import type { NetworkImage } from '../depth/types.ts';
import { Metrics } from '../metrics/metrics.ts';
import { findModel } from '../model/library.ts';
import type { CameraSettings } from '../protocol/camera.ts';
import { rawPicture } from '../video/index.ts';
import type { SourceListener } from './frame-source.ts';
import type { LiveDepth } from './live-depth.ts';
import { LiveStream } from './live-stream.ts';

const [WIDTH, HEIGHT] = [64, 48];
const folder = mkdtempSync(join(tmpdir(), 'depthcast-camera-'));
afterAll(() => rmSync(folder, { recursive: true }));

const byCamera = (unit: 'metres' | 'disparity') => writeFocalModel(mkdtempSync(join(folder, 'focal-')), 32, 16, unit);
const plain = (unit: 'metres' | 'disparity') => writeLumaModel(mkdtempSync(join(folder, 'luma-')), 32, 16, unit);

async function open(camera?: CameraSettings, model = byCamera('metres')) {
  const inferencer = await WorkerInferencer.create(findModel(model), { threads: 1 });
  const told: NetworkImage['focal'][] = [];
  const openStream = inferencer.open.bind(inferencer);
  vi.spyOn(inferencer, 'open').mockImplementation((options) => {
    const opened = openStream(options);
    const infer = opened.infer.bind(opened);
    opened.infer = (image, ...times) => {
      told.push(image.focal);
      return infer(image, ...times);
    };
    return opened;
  });
  const stream = new LiveStream({
    name: 'test',
    inferencer,
    size: 16,
    metrics: new Metrics({ version: 'test', model: 'none', device: 'none' }),
    depth: { sceneCuts: false, gapSeconds: 2, ...(camera && { camera }) },
    still: true,
  });
  let listener: SourceListener | undefined;
  stream.attach({ codec: 'test', start: (one) => (listener = one), close: () => {} });
  const metres: number[] = [];
  const units: string[] = [];
  const epochs: number[] = [];
  const reused: boolean[] = [];
  stream.add(() => ({
    name: 'recorder',
    about: 'depth',
    receivers: 1,
    push({ info, map }: LiveDepth) {
      metres.push(map.values[0]!);
      units.push(info.unit);
      epochs.push(info.epoch);
      reused.push(info.reused ?? false);
    },
    close: () => {},
  }));
  const next = async () => {
    const n = metres.length;
    const gray = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128);
    listener!.picture(rawPicture(gray, WIDTH, HEIGHT, 3000 * n), { assemble: 1, decode: 1 });
    await vi.waitFor(() => expect(metres).toHaveLength(n + 1), 20_000);
    return metres[n]!;
  };
  const close = () => {
    stream.close('test');
    return inferencer.close();
  };
  return { stream, next, units, epochs, reused, told, close };
}

it('tells a network that gives metres the focal length of the camera, as it changes, also of a picture that stands still', async () => {
  const { stream, next, units, epochs, close } = await open({ hfov: 90 });
  // Half of 64 pixels at 45 degrees: 32, and half of it where the network is half as wide; down the third of it.
  const red = (await next()) / 16;
  expect(red).toBeGreaterThan(0.4);
  expect(await next()).toBeCloseTo(16 * red + 32 / 3, 4);
  for (let n = 2; n < 12; n++) await next();
  stream.setCamera({ hfov: (2 * Math.atan(0.5) * 180) / Math.PI });
  expect(await next()).toBeCloseTo(32 * red + 32 / 3, 3);
  expect(new Set(units)).toEqual(new Set(['metres']));
  // It has zoomed: metres that the network remembers hold.
  expect(new Set(epochs)).toEqual(new Set([0]));
  await close();
});

it.each(['metres', 'disparity'] as const)(
  'begins an epoch where a camera is told that was assumed, of a network that goes by it and gives %s: what it remembers is of another camera',
  async (unit) => {
    const { stream, next, units, epochs, reused, told, close } = await open(undefined, byCamera(unit));
    for (let n = 0; n < 10; n++) await next();
    expect(reused[9]).toBe(true);
    stream.setCamera({ hfov: 90 });
    // The first of its epoch: 32 pixels, half of them.
    const red = (await next()) / 16;
    expect(red).toBeGreaterThan(0.4);
    expect(red).toBeLessThan(0.6);
    stream.setCamera({ hfov: 80 });
    await next();
    expect(epochs).toEqual([...Array<number>(10).fill(0), 1, 1]);
    expect(reused.slice(10)).toEqual([false, false]);
    expect(told.every((focal) => focal !== undefined)).toBe(true);
    expect(new Set(units)).toEqual(new Set([unit]));
    await close();
  },
);

it.each(['metres', 'disparity'] as const)(
  'tells the camera only to networks that go by it: one that gives %s without goes on, and its depth stands',
  async (unit) => {
    const { stream, next, units, epochs, reused, told, close } = await open(undefined, plain(unit));
    for (let n = 0; n < 10; n++) await next();
    stream.setCamera({ hfov: 90 });
    await next();
    expect(epochs).toEqual(Array<number>(11).fill(0));
    expect(reused.slice(9)).toEqual([true, true]);
    expect(told.length).toBeGreaterThan(0);
    expect(told.every((focal) => focal === undefined)).toBe(true);
    expect(new Set(units)).toEqual(new Set([unit]));
    await close();
  },
);
