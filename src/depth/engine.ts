import './no-telemetry.ts';
import { availableParallelism } from 'node:os';
import ort from 'onnxruntime-node';
import { DepthcastError } from '../errors.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { checkDepth, checkParity } from '../model/precision.ts';
import type { Size } from '../model/size.ts';
import { StateCache } from '../model/state-cache.ts';
import { createWindow, type Window } from '../model/window.ts';
import { badModel, type CacheShape, checkContract } from './contract.ts';

/** What the graph returned for one frame, besides states. */
export interface NetworkOutput {
  /** [height*width]: the array that was given for it, or the runtime's own, which lives until collected. */
  depth: Float32Array;
  /** [D], or undefined when the model has none. */
  summary: Float32Array | undefined;
}

/** Most threads that `auto` gives one network: beyond, a frame gains little and other streams lose. */
const MAX_THREADS = 8;
/**
 * A network that needs no more than this on one thread gets one: waking a second for each frame costs as much as it
 * saves (measured on two cores, 30 fps, 256x192: 8.4 ms on one thread, 9.1 ms on two), and it serves another stream.
 */
const ONE_THREAD_MS = 15;
/** Runs until one is that quick. */
const TRIALS = 10;

/** How one network is loaded. */
export interface EngineOptions {
  /** Absolute path of the graph. */
  graph: string;
  /** Network size of the trial run; the only one of a graph that leaves none open. */
  width: number;
  height: number;
  /** 0 measures: one where that is quick enough, otherwise every core. */
  threads: number;
  /** The map that the float32 network makes of the trial picture, to compare a graph of less precision with. */
  reference?: Float32Array | undefined;
}

/**
 * A streaming depth network in onnxruntime. Checks the graph against the streaming contract when it is loaded.
 * `run` blocks its thread: use it in a worker.
 */
export class DepthEngine {
  readonly manifest: ModelManifest;
  readonly caches: readonly CacheShape[];
  /** False for a model that leaves scene cuts to the picture itself. */
  readonly hasSummary: boolean;
  readonly threads: number;
  /** The map of the trial picture. */
  trialMap = new Float32Array();
  /** How far it is from the float32 network's, by parityError; undefined where there is nothing to compare with. */
  parity: number | undefined;
  readonly #session: ort.InferenceSession;
  /** Axes of the graph's map before its height and width: ones. */
  readonly #depthBatch: readonly number[];

  private constructor(manifest: ModelManifest, session: ort.InferenceSession, threads: number) {
    this.manifest = manifest;
    this.threads = threads;
    this.#session = session;
    this.caches = checkContract(manifest, session);
    this.hasSummary = session.outputNames.includes('summary');
    const map = session.outputMetadata.find(({ name }) => name === 'depth');
    this.#depthBatch = Array<number>(map?.isTensor ? Math.max(0, map.shape.length - 2) : 1).fill(1);
  }

  /**
   * @throws DepthcastError BAD_MODEL when the file is no graph or does not meet the contract, BAD_OUTPUT when the map
   *   of a textured picture is flat, not finite, or not what the reference says
   */
  static async load(manifest: ModelManifest, options: EngineOptions): Promise<DepthEngine> {
    const cores = Math.min(MAX_THREADS, availableParallelism());
    if (options.threads > 0) return DepthEngine.#create(manifest, options);
    // No Video Depth Anything network is quick enough for one thread, and loading it twice would take as long again.
    if (manifest.kind === 'checkpoint' || cores === 1)
      return DepthEngine.#create(manifest, { ...options, threads: cores });
    const engine = await DepthEngine.#create(manifest, { ...options, threads: 1 });
    if ((await engine.#trialTime(options)) <= ONE_THREAD_MS) return engine;
    await engine.release();
    return DepthEngine.#create(manifest, { ...options, threads: cores });
  }

  static async #create(manifest: ModelManifest, options: EngineOptions): Promise<DepthEngine> {
    const { graph, threads } = options;
    let session: ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(graph, {
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
    try {
      const engine = new DepthEngine(manifest, session, threads);
      // The first run allocates, and a graph that cannot run must fail here.
      engine.trialMap = (await engine.#trial(options)).slice();
      if (options.reference) engine.parity = engine.#compare(options.reference, options);
      return engine;
    } catch (thrown) {
      await session.release();
      throw thrown;
    }
  }

  /**
   * @param image [1, 3, height, width] normalised
   * @param caches one for each of `this.caches`; the new states are left in their `incoming`
   * @param depth takes the map, height*width values; without it each run makes a new array, and a thread that makes
   *   little else lets tens of megabytes of them pile up before it collects
   */
  async run(
    image: Float32Array,
    width: number,
    height: number,
    slots: BigInt64Array,
    mask: Float32Array,
    caches: readonly StateCache[],
    depth?: Float32Array,
  ): Promise<NetworkOutput> {
    const feeds: Record<string, ort.Tensor> = {
      image: new ort.Tensor('float32', image, [1, 3, height, width]),
      slots: new ort.Tensor('int64', slots, [slots.length]),
      mask: new ort.Tensor('float32', mask, [mask.length]),
    };
    const fetches: Record<string, ort.Tensor | null> = {
      depth: depth ? new ort.Tensor('float32', depth, [...this.#depthBatch, height, width]) : null,
    };
    if (this.hasSummary) fetches['summary'] = null;
    caches.forEach(({ type, cached, incoming, tokens, slots, channels }, i) => {
      feeds[`c${i}`] = new ort.Tensor(type, cached, [tokens, slots, channels]);
      fetches[`h${i}`] = new ort.Tensor(type, incoming, [tokens, 1, channels]);
    });
    const out = await this.#session.run(feeds, fetches);
    return {
      depth: depth ?? (out['depth']!.data as Float32Array),
      summary: this.hasSummary ? (out['summary']!.data as Float32Array) : undefined,
    };
  }

  /** Fresh temporal memory for one stream. */
  createCaches(width: number, height: number, window: Window): StateCache[] {
    return this.caches.map(
      ({ tokens, channels, type }) => new StateCache(tokens(width, height), channels, window, type),
    );
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  /** Milliseconds of a frame: the quickest of some, since a busy machine only ever slows one. */
  async #trialTime(size: Size): Promise<number> {
    // Made once: the picture's sines take 3 ms, and 12 to 17 before they are compiled.
    const inputs = this.#trialInputs(size);
    let least = Infinity;
    for (let i = 0; i < TRIALS && (least > ONE_THREAD_MS || i < 3); i++) {
      const began = performance.now();
      await this.#trial(size, inputs);
      least = Math.min(least, performance.now() - began);
    }
    return least;
  }

  #trialInputs({ width, height }: Size) {
    const window = createWindow(this.manifest.window);
    const { slots, mask } = window.step();
    return { image: trialImage(width, height), slots, mask, caches: this.createCaches(width, height, window) };
  }

  async #trial({ width, height }: Size, inputs = this.#trialInputs({ width, height })): Promise<Float32Array> {
    const { image, slots, mask, caches } = inputs;
    let depth: Float32Array;
    try {
      ({ depth } = await this.run(image, width, height, slots, mask, caches));
    } catch (thrown) {
      throw new DepthcastError('BAD_MODEL', {
        detail: `a trial run failed: ${(thrown as Error).message}`,
        cause: thrown,
      });
    }
    if (depth.length !== width * height) throw badModel(`depth holds ${depth.length} values for ${width}x${height}`);
    this.#judge({ width, height }, () => checkDepth(depth));
    return depth;
  }

  #compare(reference: Float32Array, size: Size): number {
    return this.#judge(size, () => checkParity(this.trialMap, reference, this.manifest.precision));
  }

  /** Says with a refused map which network and which backend made it. */
  #judge<T>({ width, height }: Size, check: () => T): T {
    try {
      return check();
    } catch (thrown) {
      const { name, precision } = this.manifest;
      const why = (thrown as DepthcastError).detail;
      throw new DepthcastError('BAD_OUTPUT', {
        detail: `${name}, ${precision}, ${width}x${height} on onnxruntime's CPU backend: ${why}`,
      });
    }
  }
}

/** A picture with edges and texture, about as spread as a normalised one: no network answers it with a flat map. */
function trialImage(width: number, height: number): Float32Array {
  const image = new Float32Array(3 * width * height);
  for (let i = 0; i < image.length; i++) {
    const x = i % width;
    const y = Math.floor(i / width) % height;
    const disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2 ? 1.2 : -0.8;
    image[i] = disc + y / height + 0.3 * Math.sin(0.7 * x) * Math.cos(0.4 * y);
  }
  return image;
}
