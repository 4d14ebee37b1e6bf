import { usableCores } from '../../cgroup.ts';
import { DepthcastError } from '../../errors.ts';
import type { InstalledModel } from '../../model/library.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import { GRAPH_PRECISION } from '../../model/precision.ts';
import type { Size } from '../../model/size.ts';
import type { Engine, EngineCapabilities, EngineProvider, EngineState, PrepareOptions } from '../engine.ts';
import { StreamCount } from '../stream-count.ts';
import { CpuNetwork, CpuState, RingGraph } from './cpu-network.ts';
import { DeviceEngine } from './device-engine.ts';
import { NodeRuntime } from './node-runtime.ts';
import { OPEN_REFERENCE, readReference, referencePath, writeReference } from './reference.ts';
import { judgeTrial, trialImage } from './trial.ts';

/** Most threads that `auto` gives one network: beyond, a frame gains little and other streams lose. */
const MAX_THREADS = 8;
/** A network that needs no more than this on one thread, for 30 frames a second, gets one: a second one serves another stream better. */
const ONE_THREAD_MS = 25;
/** Most threads of a frame whose stream has the cores to itself: there is not more in it that can be done at once. */
const MAX_THREADS_ALONE = 4;
/** Runs until one is that quick. */
const TRIALS = 10;
const BACKEND = "onnxruntime's CPU backend";

/** onnxruntime's CPU backend: the states lie in this process's memory, and `run` blocks its thread. */
export const cpuProvider: EngineProvider = {
  name: 'cpu',
  async prepare(model, graphs, options) {
    const { manifest, file } = model;
    if (manifest.kind !== 'checkpoint') {
      try {
        return await loadGraph(model, options);
      } catch (thrown) {
        const wrong = thrown instanceof DepthcastError && thrown.code === 'BAD_OUTPUT';
        if (!wrong || model.float32 === undefined) throw thrown;
        return loadGraph(model.float32, { ...options, instead: thrown.detail });
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

/** A graph as it is, with the map of its float32 twin to compare with, if that is kept beside it. */
async function loadGraph(
  { manifest, file, float32 }: InstalledModel,
  options: PrepareOptions & Pick<CpuEngineOptions, 'instead'>,
): Promise<Engine> {
  const reference = readReference(file);
  if (float32 !== undefined && reference === undefined)
    throw new DepthcastError('BAD_OUTPUT', { detail: `${referencePath(file)}, to check it by, is missing` });
  try {
    return await CpuEngine.load(manifest, { ...options, graph: file, reference });
  } catch (thrown) {
    if (thrown instanceof RingGraph) return loadRings(manifest, file, options);
    throw thrown;
  }
}

/** A graph of the second form: its rings then lie in this process's memory. */
async function loadRings(manifest: ModelManifest, graph: string, options: PrepareOptions): Promise<Engine> {
  const threads = options.threads || Math.min(MAX_THREADS, usableCores());
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
  const options = { graph: full, width, height, threads: usableCores() };
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
  /** Why it is this graph and not one of less precision. */
  instead?: string | undefined;
}

/** A streaming depth network in onnxruntime. Checks the graph against the streaming contract when it is loaded. */
export class CpuEngine implements Engine {
  readonly capabilities: EngineCapabilities;
  readonly #trial: Trial;
  readonly #manifest: ModelManifest;
  readonly #network: CpuNetwork;

  private constructor(
    manifest: ModelManifest,
    network: CpuNetwork,
    { threads, threadsAlone, instead }: CpuEngineOptions,
    trial: Trial,
  ) {
    this.#manifest = manifest;
    this.#network = network;
    this.#trial = trial;
    const alone = threadsAlone === undefined ? '' : ` (${threadsAlone} for a stream alone)`;
    const device = `CPU, ${threads} thread${threads === 1 ? '' : 's'}${alone}`;
    const { precision } = manifest;
    const { summary, resamples, focal: usesCamera } = network;
    const { parity } = trial;
    const none = { memory: undefined, check: undefined };
    const told = { parity, precision, instead };
    this.capabilities = {
      kind: 'cpu',
      device,
      threads,
      threadsAlone,
      summary,
      resamples,
      usesCamera,
      ...told,
      ...none,
    };
  }

  /** The map of the trial picture. */
  get trialMap(): Float32Array {
    return this.#trial.map;
  }

  /** @throws DepthcastError BAD_MODEL, BAD_OUTPUT; see EngineProvider.prepare */
  static async load(manifest: ModelManifest, options: CpuEngineOptions): Promise<CpuEngine> {
    const { threads, threadsAlone, ...others } = options;
    const cores = Math.min(MAX_THREADS, usableCores());
    if (threads > 0) {
      const engine = await CpuEngine.#create(manifest, { ...others, threads });
      return threadsAlone === undefined ? engine : engine.#alone(options, threadsAlone);
    }
    // No Video Depth Anything network is quick enough for one thread, and loading it twice would take as long again.
    if (manifest.kind === 'checkpoint' || cores === 1)
      return CpuEngine.#create(manifest, { ...others, threads: cores });
    const engine = await CpuEngine.#create(manifest, { ...others, threads: 1 });
    if ((await engine.#trialTime(options)) <= ONE_THREAD_MS)
      return engine.#alone({ ...options, threads: 1 }, Math.min(MAX_THREADS_ALONE, cores));
    await engine.release();
    return CpuEngine.#create(manifest, { ...others, threads: cores });
  }

  static async #create(manifest: ModelManifest, options: CpuEngineOptions): Promise<CpuEngine> {
    const { graph, threads } = options;
    const network = await CpuNetwork.load(manifest, graph, threads);
    try {
      // The first run allocates, and a graph that cannot run must fail here.
      const map = await network.trialMap(manifest, options);
      const parity = await judge(manifest, network, options, map);
      return new CpuEngine(manifest, network, options, { map, parity });
    } catch (thrown) {
      await network.release();
      throw thrown;
    }
  }

  /** This engine with its network once more, on so many threads, for a stream that has the cores to itself; as it is where nobody counts streams. */
  async #alone(options: CpuEngineOptions, threads: number): Promise<CpuEngine> {
    const { graph, shared } = options;
    if (shared === undefined) return this;
    try {
      const network = await CpuNetwork.load(this.#manifest, graph, threads, true);
      await this.#network.runAlone({ network, threads, streams: new StreamCount(shared.streams) });
    } catch (thrown) {
      await this.release();
      throw thrown;
    }
    return new CpuEngine(this.#manifest, this.#network, { ...options, threadsAlone: threads }, this.#trial);
  }

  async createState(size: Size): Promise<EngineState> {
    return CpuState.fresh(this.#network, this.#manifest, size);
  }

  async release(): Promise<void> {
    await this.#network.release();
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

/**
 * @param map of the trial picture
 * @returns parityError, where there is a reference
 * @throws DepthcastError BAD_OUTPUT
 */
async function judge(
  manifest: ModelManifest,
  network: CpuNetwork,
  { width, height, reference }: CpuEngineOptions,
  map: Float32Array,
): Promise<number | undefined> {
  const { width: w, height: h } = OPEN_REFERENCE;
  if (manifest.kind === 'checkpoint' || reference?.length !== w * h)
    return judgeTrial(manifest, BACKEND, { width, height }, map, reference);
  judgeTrial(manifest, BACKEND, { width, height }, map);
  return judgeTrial(manifest, BACKEND, OPEN_REFERENCE, await network.trialMap(manifest, OPEN_REFERENCE), reference);
}

interface Trial {
  map: Float32Array;
  parity: number | undefined;
}
