import { workerData } from 'node:worker_threads';
import { OfflineEngine } from '../depth/offline.ts';
import { OFFLINE_WINDOW_FRAMES, OfflineStitcher } from '../model/offline-windows.ts';
import { AlignedResizer } from '../model/resize.ts';
import { answerRequests } from '../worker-answers.ts';
import type { OfflineBoot, OfflineCalls, WindowResult } from './offline-protocol.ts';

// The offline network's thread: a window of 32 frames at once, joined with those before at the size of the output, as
// the official code does. It holds one window of full-size maps.

const { model, network, size, threads, state } = workerData as OfflineBoot;
const { mean, std } = model.manifest.normalise;
const plane = network.width * network.height;
const pixels = size.width * size.height;
const resizer = new AlignedResizer(network, size);
const stitcher = new OfflineStitcher(pixels, { metric: model.manifest.unit === 'metres' });
if (state) stitcher.restore(state);
let engine: OfflineEngine;

answerRequests<OfflineCalls, void>(
  { window, finish: (_, transfer) => copies(stitcher.finish(), transfer) },
  async () => {
    engine = await OfflineEngine.load(model, network, threads);
  },
  { failed: 'INFERENCE_FAILED' },
);

async function window(images: Float32Array<ArrayBuffer>, transfer: ArrayBuffer[]): Promise<WindowResult> {
  const began = performance.now();
  for (let i = 0; i < images.length; i++) {
    const channel = Math.floor(i / plane) % 3;
    images[i] = (images[i]! - mean[channel]!) / std[channel]!;
  }
  const depths = await engine.run(images);
  const full = new Float32Array(OFFLINE_WINDOW_FRAMES * pixels);
  for (let i = 0; i < OFFLINE_WINDOW_FRAMES; i++)
    resizer.resize(depths.subarray(i * plane, (i + 1) * plane), full.subarray(i * pixels, (i + 1) * pixels));
  const maps = copies(stitcher.push(full), transfer);
  const left = stitcher.state();
  transfer.push(images.buffer, left.buffer);
  return { maps, images, state: left, milliseconds: performance.now() - began };
}

/** The stitcher goes on using its own. */
function copies(maps: Iterable<Float32Array>, transfer: ArrayBuffer[]): Float32Array<ArrayBuffer>[] {
  return Array.from(maps, (map) => {
    const copy = Float32Array.from(map);
    transfer.push(copy.buffer);
    return copy;
  });
}
