import '../no-telemetry.ts';
import { availableParallelism } from 'node:os';
import ort from 'onnxruntime-node';
import { DepthcastError } from '../../errors.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import { GRAPH_PRECISION } from '../../model/precision.ts';
import type { Size } from '../../model/size.ts';
import { StateCache } from '../../model/state-cache.ts';
import { resampleCache } from '../../model/state-resample.ts';
import { type AttentionWindow, createWindow, type WindowStep } from '../../model/window.ts';
import type { Engine, EngineCapabilities, EngineProvider, EngineState, PrepareOptions } from '../engine.ts';
import { bordersOf, type CacheShape, checkContract } from './contract.ts';
import { DeviceEngine } from './device-engine.ts';
import { NodeRuntime } from './node-runtime.ts';
import { readReference, writeReference } from './reference.ts';
import { judgeTrial, trialImage } from './trial.ts';

/** Most threads that `auto` gives one network: beyond, a frame gains little and other streams lose. */
const MAX_THREADS = 8;
/**
 * A network that needs no more than this on one thread gets one: waking a second for each frame costs as much as it
 * saves (measured on two cores, 30 fps, 256x192: 8.4 ms on one thread, 9.1 ms on two), and it serves another stream.
 */
const ONE_THREAD_MS = 15;
/** Runs until one is that quick. */
const TRIALS = 10;
const BACKEND = "onnxruntime's CPU backend";

/** onnxruntime's CPU backend: the states lie in this process's memory, and `run` blocks its thread. */
export const cpuProvider: EngineProvider = {
  name: 'cpu',
  async prepare({ manifest, file }, graphs, options) {
    if (manifest.kind !== 'checkpoint') {
      try {
        return await CpuEngine.load(manifest, { ...options, graph: file, reference: readReference(file) });
      } catch (thrown) {
        if (thrown instanceof RingGraph) return loadRings(manifest, file, options);
        throw thrown;
      }
    }
    const { width, height } = options;
    const request = { checkpoint: file, kind: 'stream', width, height, config: manifest.network } as const;
    const graph = await graphs.get({ ...request, precision: GRAPH_PRECISION[manifest.precision] });
    if (manifest.precision !== 'fp32' && readReference(graph) === undefined) {
      const full = await graphs.get({ ...request, precision: 'float32' });
      await writeReference(graph, await float32TrialMap(manifest, full, options));
    }
    return CpuEngine.load(manifest, { ...options, graph, reference: readReference(graph) });
  },
};

/** A graph of the contract's second form, which is not this engine's. */
class RingGraph extends Error {}

/** A graph of the second form: its rings then lie in this process's memory. */
async function loadRings(manifest: ModelManifest, graph: string, options: PrepareOptions): Promise<Engine> {
  const threads = options.threads || Math.min(MAX_THREADS, availableParallelism());
  const engine = await DeviceEngine.load(manifest, new NodeRuntime('cpu', { threads }), graph, {
    capabilities: { threads },
  });
  try {
    const state = await engine.createState(options);
    const map = new Float32Array(options.width * options.height);
    await state.run(trialImage(options), map).finally(() => state.dispose());
    judgeTrial(manifest, BACKEND, options, map, readReference(graph));
    return engine;
  } catch (thrown) {
    await engine.release();
    if (thrown instanceof DepthcastError) throw thrown;
    const detail = `a trial run failed: ${(thrown as Error).message}`;
    throw new DepthcastError('BAD_MODEL', { detail, cause: thrown });
  }
}

/** The map that the float32 graph `full` of a model makes of the trial picture: the reference of graphs of less precision. */
export async function float32TrialMap(manifest: ModelManifest, full: string, size: Size): Promise<Float32Array> {
  const { width, height } = size;
  const options = { graph: full, width, height, threads: availableParallelism() };
  const engine = await CpuEngine.load({ ...manifest, precision: 'fp32' }, options);
  await engine.release();
  return engine.trialMap;
}

/** How one network is loaded. */
export interface CpuEngineOptions extends PrepareOptions {
  /** Absolute path of the graph. The size is that of the trial run; the only one of a graph that leaves none open. */
  graph: string;
  /** The map that the float32 network makes of the trial picture, to compare a graph of less precision with. */
  reference?: Float32Array | undefined;
}

/** A streaming depth network in onnxruntime. Checks the graph against the streaming contract when it is loaded. */
export class CpuEngine implements Engine {
  readonly capabilities: EngineCapabilities;
  /** The map of the trial picture. */
  readonly trialMap: Float32Array;
  readonly #manifest: ModelManifest;
  readonly #network: Network;

  private constructor(manifest: ModelManifest, network: Network, threads: number, trial: Trial) {
    this.#manifest = manifest;
    this.#network = network;
    this.trialMap = trial.map;
    const device = `CPU, ${threads} thread${threads === 1 ? '' : 's'}`;
    const { precision } = manifest;
    const { summary, resamples } = network;
    const { parity } = trial;
    const none = { memory: undefined, check: undefined };
    this.capabilities = { kind: 'cpu', device, threads, summary, resamples, parity, precision, ...none };
  }

  /** @throws DepthcastError BAD_MODEL, BAD_OUTPUT; see EngineProvider.prepare */
  static async load(manifest: ModelManifest, options: CpuEngineOptions): Promise<CpuEngine> {
    const cores = Math.min(MAX_THREADS, availableParallelism());
    if (options.threads > 0) return CpuEngine.#create(manifest, options);
    // No Video Depth Anything network is quick enough for one thread, and loading it twice would take as long again.
    if (manifest.kind === 'checkpoint' || cores === 1)
      return CpuEngine.#create(manifest, { ...options, threads: cores });
    const engine = await CpuEngine.#create(manifest, { ...options, threads: 1 });
    if ((await engine.#trialTime(options)) <= ONE_THREAD_MS) return engine;
    await engine.release();
    return CpuEngine.#create(manifest, { ...options, threads: cores });
  }

  static async #create(manifest: ModelManifest, options: CpuEngineOptions): Promise<CpuEngine> {
    const { graph, threads, reference } = options;
    const session = await openSession(graph, threads);
    try {
      const network = new Network(manifest, session);
      // The first run allocates, and a graph that cannot run must fail here.
      const map = await network.trialMap(manifest, options);
      const parity = judgeTrial(manifest, BACKEND, options, map, reference);
      return new CpuEngine(manifest, network, threads, { map, parity });
    } catch (thrown) {
      await session.release();
      throw thrown;
    }
  }

  async createState(size: Size): Promise<EngineState> {
    return CpuState.fresh(this.#network, this.#manifest, size);
  }

  async release(): Promise<void> {
    await this.#network.session.release();
  }

  /** Milliseconds of a frame: the quickest of some, since a busy machine only ever slows one. */
  async #trialTime(size: Size): Promise<number> {
    // Made once: the picture's sines take 3 ms, and 12 to 17 before they are compiled.
    const image = trialImage(size);
    const map = new Float32Array(size.width * size.height);
    const state = await this.createState(size);
    let least = Infinity;
    for (let i = 0; i < TRIALS && (least > ONE_THREAD_MS || i < 3); i++) {
      const began = performance.now();
      await state.run(image, map);
      least = Math.min(least, performance.now() - began);
    }
    state.dispose();
    return least;
  }
}

interface Trial {
  map: Float32Array;
  parity: number | undefined;
}

/** @throws DepthcastError BAD_MODEL */
async function openSession(graph: string, threads: number): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(graph, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // Reserving all of a run's memory as one block costs a fifth more of it and gains no time.
      enableMemPattern: false,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // Threads that spin while they wait for work take the cores that codecs and sockets need.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  } catch (thrown) {
    const detail = `${graph}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    throw new DepthcastError('BAD_MODEL', { detail, cause: thrown });
  }
}

/** A loaded graph and what its contract says. */
class Network {
  readonly session: ort.InferenceSession;
  readonly caches: readonly CacheShape[];
  readonly summary: boolean;
  readonly resamples: boolean;
  /** Axes of the graph's map before its height and width: ones. */
  readonly #depthBatch: readonly number[];

  /** @throws DepthcastError BAD_MODEL */
  constructor(manifest: ModelManifest, session: ort.InferenceSession) {
    this.session = session;
    const { form, caches, summary, depthBatch } = checkContract(manifest, bordersOf(session));
    if (form === 'rings') throw new RingGraph();
    this.caches = caches;
    this.summary = summary;
    // States of integers are parts of numbers.
    this.resamples = caches.every(({ grid, type }) => grid !== undefined && type === 'float32');
    this.#depthBatch = depthBatch;
  }

  depthTensor(depth: Float32Array, { width, height }: Size): ort.Tensor {
    return new ort.Tensor('float32', depth, [...this.#depthBatch, height, width]);
  }

  /** Of the trial picture, in memory of the runtime's own: a graph whose map has another size than its image is found. */
  async trialMap(manifest: ModelManifest, size: Size): Promise<Float32Array> {
    try {
      const out = await CpuState.fresh(this, manifest, size).runFrame(trialImage(size), null);
      return (out['depth']!.data as Float32Array).slice();
    } catch (thrown) {
      const detail = `a trial run failed: ${(thrown as Error).message}`;
      throw new DepthcastError('BAD_MODEL', { detail, cause: thrown });
    }
  }
}

/** One stream's window and ring caches. The tensors of what never moves are made once. */
class CpuState implements EngineState {
  readonly #network: Network;
  readonly #size: Size;
  readonly #window: AttentionWindow;
  #caches: StateCache[];
  readonly #feeds: Record<string, ort.Tensor> = {};
  readonly #fetches: Record<string, ort.Tensor | null> = {};
  #step: WindowStep | undefined;
  /** The array that the map's tensor stands for. */
  #depth: Float32Array | undefined;

  private constructor(network: Network, size: Size, window: AttentionWindow, caches: StateCache[]) {
    this.#network = network;
    this.#size = size;
    this.#window = window;
    this.#caches = caches;
    if (network.summary) this.#fetches['summary'] = null;
    caches.forEach(({ type, cached, incoming, tokens, slots, channels }, i) => {
      this.#feeds[`c${i}`] = new ort.Tensor(type, cached, [tokens, slots, channels]);
      this.#fetches[`h${i}`] = new ort.Tensor(type, incoming, [tokens, 1, channels]);
    });
  }

  /** @throws DepthcastError BAD_MODEL for caches that cannot be */
  static fresh(network: Network, manifest: ModelManifest, size: Size): CpuState {
    const window = createWindow(manifest.window);
    const caches = network.caches.map(
      ({ tokens, channels, type }) => new StateCache(tokens(size.width, size.height), channels, window, type),
    );
    return new CpuState(network, size, window, caches);
  }

  async run(image: Float32Array, depth: Float32Array): Promise<Float32Array | undefined> {
    const out = await this.runFrame(image, depth);
    return this.#network.summary ? (out['summary']!.data as Float32Array) : undefined;
  }

  /** @param depth null leaves the map to the runtime, which makes a new array for each */
  async runFrame(image: Float32Array, depth: Float32Array | null): Promise<ort.InferenceSession.ReturnType> {
    const { width, height } = this.#size;
    if (depth === null) this.#fetches['depth'] = null;
    else if (this.#depth !== depth) this.#fetches['depth'] = this.#network.depthTensor(depth, this.#size);
    this.#depth = depth ?? undefined;
    this.#feeds['image'] = new ort.Tensor('float32', image, [1, 3, height, width]);
    const step = this.#window.step();
    if (step !== this.#step) {
      this.#step = step;
      this.#feeds['slots'] = new ort.Tensor('int64', step.slots, [step.slots.length]);
      this.#feeds['mask'] = new ort.Tensor('float32', step.mask, [step.mask.length]);
    }
    const out = await this.#network.session.run(this.#feeds, this.#fetches);
    for (const cache of this.#caches) cache.store(step.write, cache.incoming);
    return out;
  }

  async fork(): Promise<EngineState> {
    return new CpuState(
      this.#network,
      this.#size,
      this.#window.fork(),
      this.#caches.map((cache) => cache.fork()),
    );
  }

  async resampled(size: Size): Promise<EngineState> {
    const caches = this.#caches.map((cache, i) => {
      const { grid } = this.#network.caches[i]!;
      if (grid === undefined)
        throw new DepthcastError('INTERNAL', { detail: 'states without a grid are not resampled' });
      return resampleCache(cache, grid(this.#size), grid(size));
    });
    return new CpuState(this.#network, size, this.#window.fork(), caches);
  }

  reset(): void {
    this.#window.reset();
    for (const cache of this.#caches) cache.clear();
  }

  dispose(): void {
    this.#caches = [];
    for (const tensors of [this.#feeds, this.#fetches]) for (const name of Object.keys(tensors)) delete tensors[name];
  }
}
