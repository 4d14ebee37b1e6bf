import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { DeviceEngine } from '../../src/depth/engines/device-engine.ts';
import { NodeRuntime } from '../../src/depth/engines/node-runtime.ts';
import { findModel } from '../../src/model/library.ts';
import { nanoImages, tinyGraph, tinyImages } from '../support/engine-cases.ts';
import { maxDifference, readNpy, thin } from '../support/npy.ts';
import { shiftingWindow } from '../support/shifting-window.ts';

// What networks answer on a device whose memory is not this process's, frame by frame.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-gpu-golden-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('answers 60 golden frames of the tiny network within 1e-4: its window turns on the device', async () => {
  const size = { width: 28, height: 28 };
  const golden = readNpy(new URL('../vectors/vda/tiny_stream_28.npy', import.meta.url));
  const [frames, rows, columns] = golden.shape as [number, number, number];
  const model = tinyGraph(folder, size, 'resident');
  const engine = await DeviceEngine.load(model.manifest, new NodeRuntime('webgpu'), model.file);
  const state = await engine.createState(size);
  const depth = new Float32Array(28 * 28);
  let worst = 0;
  for (const [t, image] of tinyImages(size, frames, { width: 128, height: 96 }).entries()) {
    await state.run(image, depth);
    const expected = golden.data.subarray(t * rows * columns, (t + 1) * rows * columns);
    worst = Math.max(worst, maxDifference(thin(depth, size.width, 4), expected));
  }
  expect(frames).toBe(60);
  expect(worst).toBeLessThan(1e-4);
  const { up, down, control } = engine.traffic;
  expect({ up, down }).toEqual({ up: frames * 3 * 28 * 28 * 4, down: frames * (28 * 28 + 96) * 4 });
  expect(control / frames).toBeLessThan(1000);
  state.dispose();
  await engine.release();
});

it('answers with the embedded network as the CPU does, over two turns of its window', async () => {
  const size = { width: 64, height: 64 };
  const nano = findModel('depthcast-nano');
  const images = nanoImages(nano, size, 17);
  const expected = await shiftingWindow(nano, images, size.width, size.height);
  const engine = await DeviceEngine.load(nano.manifest, new NodeRuntime('webgpu'), nano.file);
  const state = await engine.createState(size);
  const depth = new Float32Array(64 * 64);
  let worst = 0;
  for (const [t, image] of images.entries()) {
    await state.run(image, depth);
    worst = Math.max(worst, maxDifference(depth, expected[t]!));
  }
  expect(worst).toBeLessThan(1e-4);
  state.dispose();
  await engine.release();
});
