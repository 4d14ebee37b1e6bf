import { workerData } from 'node:worker_threads';
import { answerRequests } from '../worker-channel.ts';
import { EngineSet } from './engine-set.ts';
import { StreamRunner } from './stream-runner.ts';
import { yieldToOthers } from './thread-priority.ts';
import { type DepthCalls, type InferAnswer, type InferRequest, sharedNow, type WorkerBoot } from './worker-protocol.ts';

// The depth worker's thread: owns the networks' sessions and every stream's temporal memory. Requests are answered
// in order, and a live stream has at most one under way, so streams take turns.

const streams = new Map<number, StreamRunner>();
let engines: EngineSet;

answerRequests<DepthCalls, EngineSet['capabilities']>({ infer, close }, start, 'INFERENCE_FAILED');

async function start(): Promise<EngineSet['capabilities']> {
  const { model, threads, size, picture, yields } = workerData as WorkerBoot;
  // Before the network is loaded, so that its threads inherit it.
  if (yields) yieldToOthers();
  engines = await EngineSet.load(model, { threads, size, ...(picture && { picture }) });
  return engines.capabilities;
}

function close(stream: number): void {
  streams.get(stream)?.close();
  streams.delete(stream);
}

async function infer(request: InferRequest, transfer: ArrayBuffer[]): Promise<InferAnswer> {
  const { stream, image, width, height, time, options, reset: asked, postedAt, spare } = request;
  const queue = sharedNow() - postedAt;
  let state = streams.get(stream);
  if (state === undefined) {
    state = new StreamRunner(engines);
    streams.set(stream, state);
  }
  const { depth, range, reset, timings } = await state.infer({ data: image, width, height }, time, options, asked);
  const made = performance.now();
  const values = spare?.length === depth.length ? spare : new Float32Array(depth.length);
  values.set(depth);
  const postprocess = timings.postprocess + performance.now() - made;
  transfer.push(image.buffer, values.buffer);
  return { image, values, width, height, range, reset, timings: { queue, ...timings, postprocess } };
}
