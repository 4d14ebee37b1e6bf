import { parentPort, workerData } from 'node:worker_threads';
import { toDepthcastError } from '../errors.ts';
import { DepthEngine } from './engine.ts';
import { StreamState } from './stream-state.ts';
import { type FromWorker, type InferRequest, sharedNow, type ToWorker, type WorkerBoot } from './worker-protocol.ts';

// The depth worker's thread: owns the network's session and every stream's temporal memory. Requests are answered
// in order, and a stream has at most one under way, so streams take turns.

const port = parentPort;
if (port === null) throw new Error('the depth worker runs in a worker thread');
const send = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const streams = new Map<number, StreamState>();
const { model, threads } = workerData as WorkerBoot;
let engine: DepthEngine;
try {
  engine = await DepthEngine.load(model, { threads });
  send({ case: 'ready', value: { threads: engine.threads } });
} catch (thrown) {
  const { code, detail } = toDepthcastError(thrown);
  send({ case: 'unusable', value: { code, detail } });
  process.exit();
}

// One at a time and in order: onnxruntime blocks, but its promise resolves later.
let turn = Promise.resolve();
port.on('message', (message: ToWorker) => {
  if (message.case === 'close') turn = turn.then(() => void streams.delete(message.value));
  else turn = turn.then(() => infer(message.value));
});

async function infer(request: InferRequest): Promise<void> {
  const { stream, image, width, height, time, options, reset, postedAt } = request;
  const queue = sharedNow() - postedAt;
  try {
    let state = streams.get(stream);
    if (state === undefined) {
      state = new StreamState(engine);
      streams.set(stream, state);
    }
    const result = await state.infer({ data: image, width, height }, time, options, reset);
    const spare = request.spare;
    const values = spare?.length === result.depth.length ? spare : new Float32Array(result.depth.length);
    values.set(result.depth);
    const timings = { queue, ...result.timings };
    send({ case: 'depth', value: { stream, image, values, range: result.range, reset: result.reset, timings } }, [
      image.buffer,
      values.buffer,
    ]);
  } catch (thrown) {
    const { code, detail } = toDepthcastError(thrown, 'INFERENCE_FAILED');
    send({ case: 'failed', value: { stream, image, code, detail } }, [image.buffer]);
  }
}
