import { parentPort, workerData } from 'node:worker_threads';
import { toDepthcastError } from '../errors.ts';
import { EngineSet } from './engine-set.ts';
import { StreamRunner } from './stream-runner.ts';
import { yieldToOthers } from './thread-priority.ts';
import { type FromWorker, type InferRequest, sharedNow, type ToWorker, type WorkerBoot } from './worker-protocol.ts';

// The depth worker's thread: owns the networks' sessions and every stream's temporal memory. Requests are answered
// in order, and a live stream has at most one under way, so streams take turns.

const port = parentPort;
if (port === null) throw new Error('the depth worker runs in a worker thread');
const send = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const streams = new Map<number, StreamRunner>();
const { model, threads, size, picture, yields } = workerData as WorkerBoot;
// Before the network is loaded, so that its threads inherit it.
if (yields) yieldToOthers();
let engines: EngineSet;
try {
  engines = await EngineSet.load(model, { threads, size, ...(picture && { picture }) });
  send({ case: 'ready', value: engines.capabilities });
} catch (thrown) {
  const { code, detail } = toDepthcastError(thrown);
  send({ case: 'unusable', value: { code, detail } });
  process.exit();
}

// One at a time and in order: onnxruntime blocks, but its promise resolves later.
let turn = Promise.resolve();
port.on('message', (message: ToWorker) => {
  if (message.case === 'exit') process.exit();
  if (message.case === 'close') turn = turn.then(() => close(message.value));
  else turn = turn.then(() => infer(message.value));
});

function close(stream: number): void {
  streams.get(stream)?.close();
  streams.delete(stream);
}

async function infer(request: InferRequest): Promise<void> {
  const { stream, image, width, height, time, options, reset, postedAt } = request;
  const queue = sharedNow() - postedAt;
  try {
    let state = streams.get(stream);
    if (state === undefined) {
      state = new StreamRunner(engines);
      streams.set(stream, state);
    }
    const result = await state.infer({ data: image, width, height }, time, options, reset);
    const made = performance.now();
    const spare = request.spare;
    const values = spare?.length === result.depth.length ? spare : new Float32Array(result.depth.length);
    values.set(result.depth);
    const timings = { queue, ...result.timings };
    timings.postprocess += performance.now() - made;
    send({ case: 'depth', value: { stream, image, values, range: result.range, reset: result.reset, timings } }, [
      image.buffer,
      values.buffer,
    ]);
  } catch (thrown) {
    const { code, detail } = toDepthcastError(thrown, 'INFERENCE_FAILED');
    send({ case: 'failed', value: { stream, image, code, detail } }, [image.buffer]);
  }
}
