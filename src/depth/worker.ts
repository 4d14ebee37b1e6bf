import { type MessagePort, workerData } from 'node:worker_threads';
import { DepthcastError } from '../errors.ts';
import { answerRequests, type Handlers } from '../worker-answers.ts';
import { EngineSet } from './engine-set.ts';
import { StreamRunner } from './stream-runner.ts';
import { yieldToOthers } from './thread-priority.ts';
import {
  Activity,
  type DepthCalls,
  type InferAnswer,
  type InferRequest,
  type PrepareRequest,
  sharedNow,
  type WorkerBoot,
  type WorkerReady,
} from './worker-protocol.ts';

// The depth worker's thread: owns the networks' sessions and every stream's temporal memory. Requests are answered
// in order, and a live stream has at most one under way, so streams take turns.

const { activity: memory, ...boot } = workerData as WorkerBoot;
const activity = new Activity(memory);
/** The streams of one thread, by its numbers. */
type Streams = Map<number, StreamRunner>;
const threads = new Set<Streams>();
let engines: EngineSet;

const serve = answerRequests<DepthCalls, WorkerReady>(handlers(newStreams()), start, { failed: 'INFERENCE_FAILED' });

async function start(): Promise<WorkerReady> {
  const { model, threads, threadsAlone, size, picture, yields, devices } = boot;
  // Before the network is loaded, so that its threads inherit it.
  if (yields) yieldToOthers();
  engines = await EngineSet.load(model, { threads, threadsAlone, size, ...(picture && { picture }), ...devices });
  return { ...engines.capabilities, refused: engines.refused };
}

function newStreams(): Streams {
  const streams: Streams = new Map();
  threads.add(streams);
  return streams;
}

function handlers(streams: Streams): Handlers<DepthCalls> {
  return {
    prepare: (request) => activity.during('prepare', () => prepare(streams, request)),
    infer: (request, transfer) => activity.during('infer', () => infer(streams, request, transfer)),
    close: (stream) => close(streams, stream),
    connect,
  };
}

function connect(port: MessagePort): void {
  const streams = newStreams();
  serve(port, handlers(streams), () => {
    for (const stream of streams.keys()) close(streams, stream);
    threads.delete(streams);
  });
}

function close(streams: Streams, stream: number): void {
  streams.get(stream)?.close();
  streams.delete(stream);
}

function runnerOf(streams: Streams, stream: number): StreamRunner {
  let runner = streams.get(stream);
  if (runner === undefined) {
    runner = new StreamRunner(engines);
    streams.set(stream, runner);
  }
  return runner;
}

async function prepare(streams: Streams, { stream, width, height, carry }: PrepareRequest): Promise<void> {
  await runnerOf(streams, stream).prepare(width, height, carry).catch(endIfLost);
}

async function infer(streams: Streams, request: InferRequest, transfer: ArrayBuffer[]): Promise<InferAnswer> {
  const { stream, image, width, height, focal, time, last, options, reset: asked, postedAt, spare } = request;
  const queue = sharedNow() - postedAt;
  const result = runnerOf(streams, stream).infer({ data: image, width, height, focal }, time, options, asked, last);
  const { depth, range, reset, timings } = await result.catch(endIfLost);
  const made = performance.now();
  const values = spare?.length === depth.length ? spare : new Float32Array(depth.length);
  values.set(depth);
  const postprocess = timings.postprocess + performance.now() - made;
  transfer.push(image.buffer, values.buffer);
  return { image, values, width, height, range, reset, timings: { queue, ...timings, postprocess } };
}

/** A lost device does not come back to its sessions: this thread ends, and the next begins anew with fresh ones. */
async function endIfLost(thrown: unknown): Promise<never> {
  if (thrown instanceof DepthcastError && thrown.code === 'DEVICE_LOST') {
    for (const streams of threads) for (const stream of streams.keys()) close(streams, stream);
    // The runtime opens a new device only when nobody holds the lost one.
    await engines.release().catch(() => {});
    // As an uncaught error it is what the thread is said to have died of.
    setTimeout(() => {
      throw thrown;
    }, 0);
  }
  throw thrown;
}
