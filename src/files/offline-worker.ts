import { parentPort, workerData } from 'node:worker_threads';
import { OfflineEngine } from '../depth/offline.ts';
import { toDepthcastError } from '../errors.ts';
import { OFFLINE_WINDOW_FRAMES, OfflineStitcher } from '../model/offline-windows.ts';
import { AlignedResizer } from '../model/resize.ts';
import type { FromOffline, OfflineBoot, ToOffline } from './offline-protocol.ts';

// The offline network's thread: a window of 32 frames at once, joined with those before at the size of the output, as
// the official code does. It holds one window of full-size maps.

const port = parentPort;
if (port === null) throw new Error('the offline network runs in a worker thread');
const send = (message: FromOffline, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const { model, network, size, threads, state } = workerData as OfflineBoot;
const { mean, std } = model.manifest.normalise;
const plane = network.width * network.height;
const pixels = size.width * size.height;
const resizer = new AlignedResizer(network, size);
const stitcher = new OfflineStitcher(pixels, { metric: model.manifest.unit === 'metres' });
if (state) stitcher.restore(state);
let engine: OfflineEngine | undefined;
let turn = start();

port.on('message', (message: ToOffline) => {
  if (message.case === 'exit') process.exit();
  turn = turn.then(() => handle(message)).catch(fail);
});

async function start(): Promise<void> {
  try {
    engine = await OfflineEngine.load(model, network, threads);
    send({ case: 'ready' });
  } catch (thrown) {
    fail(thrown);
  }
}

async function handle(message: Exclude<ToOffline, { case: 'exit' }>): Promise<void> {
  if (message.case === 'finish') {
    for (const map of stitcher.finish()) sendMap(map);
    send({ case: 'done', value: { milliseconds: 0 } });
    return;
  }
  if (!engine) return;
  const began = performance.now();
  const images = message.value;
  for (let i = 0; i < images.length; i++) {
    const channel = Math.floor(i / plane) % 3;
    images[i] = (images[i]! - mean[channel]!) / std[channel]!;
  }
  const depths = await engine.run(images);
  const full = new Float32Array(OFFLINE_WINDOW_FRAMES * pixels);
  for (let i = 0; i < OFFLINE_WINDOW_FRAMES; i++)
    resizer.resize(depths.subarray(i * plane, (i + 1) * plane), full.subarray(i * pixels, (i + 1) * pixels));
  for (const map of stitcher.push(full)) sendMap(map);
  const left = stitcher.state();
  const milliseconds = performance.now() - began;
  send({ case: 'done', value: { images, state: left, milliseconds } }, [images.buffer, left.buffer]);
}

function sendMap(map: Float32Array): void {
  const copy = Float32Array.from(map);
  send({ case: 'map', value: copy }, [copy.buffer]);
}

function fail(thrown: unknown): void {
  const { code, detail } = toDepthcastError(thrown, 'INFERENCE_FAILED');
  send({ case: 'failed', value: { code, detail } });
}
