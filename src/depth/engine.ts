import './no-telemetry.ts';
import { availableParallelism } from 'node:os';
import ort from 'onnxruntime-node';
import { DepthcastError } from '../errors.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { checkDepth } from '../model/precision.ts';
import { isStateType, StateCache, type StateType } from '../model/state-cache.ts';
import { createWindow, type Window } from '../model/window.ts';

export interface CacheShape {
  /** Tokens of the cache for a network size. */
  tokens(width: number, height: number): number;
  channels: number;
  type: StateType;
}

/** What the graph returned for one frame, besides states. Arrays are the runtime's own and live until collected. */
export interface NetworkOutput {
  /** [height*width] */
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

/** How one network is loaded. */
export interface EngineOptions {
  /** Absolute path of the graph. */
  graph: string;
  /** Network size of the trial run; the only one of a graph that leaves none open. */
  width: number;
  height: number;
  /** 0 measures: one where that is quick enough, otherwise every core. */
  threads: number;
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
  readonly #session: ort.InferenceSession;

  private constructor(manifest: ModelManifest, session: ort.InferenceSession, threads: number) {
    this.manifest = manifest;
    this.threads = threads;
    this.#session = session;
    this.caches = checkContract(manifest, session);
    this.hasSummary = session.outputNames.includes('summary');
  }

  /**
   * @throws DepthcastError BAD_MODEL when the file is no graph or does not meet the contract, BAD_OUTPUT when the map
   *   of a textured picture is flat or not finite
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
      await engine.#trial(options);
      return engine;
    } catch (thrown) {
      await session.release();
      throw thrown;
    }
  }

  /**
   * @param image [1, 3, height, width] normalised
   * @param caches one for each of `this.caches`; the new states are left in their `incoming`
   */
  async run(
    image: Float32Array,
    width: number,
    height: number,
    slots: BigInt64Array,
    mask: Float32Array,
    caches: readonly StateCache[],
  ): Promise<NetworkOutput> {
    const feeds: Record<string, ort.Tensor> = {
      image: new ort.Tensor('float32', image, [1, 3, height, width]),
      slots: new ort.Tensor('int64', slots, [slots.length]),
      mask: new ort.Tensor('float32', mask, [mask.length]),
    };
    const fetches: Record<string, ort.Tensor | null> = { depth: null };
    if (this.hasSummary) fetches['summary'] = null;
    caches.forEach(({ type, cached, incoming, tokens, slots, channels }, i) => {
      feeds[`c${i}`] = new ort.Tensor(type, cached, [tokens, slots, channels]);
      fetches[`h${i}`] = new ort.Tensor(type, incoming, [tokens, 1, channels]);
    });
    const out = await this.#session.run(feeds, fetches);
    return {
      depth: out['depth']!.data as Float32Array,
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

  /** Milliseconds of a frame: the quickest of a few, since a busy machine only ever slows one. */
  async #trialTime(size: { width: number; height: number }): Promise<number> {
    let least = Infinity;
    for (let i = 0; i < 4; i++) {
      const began = performance.now();
      await this.#trial(size);
      least = Math.min(least, performance.now() - began);
    }
    return least;
  }

  async #trial({ width, height }: { width: number; height: number }): Promise<void> {
    const window = createWindow(this.manifest.window);
    const { slots, mask } = window.step();
    const image = trialImage(width, height);
    let depth: Float32Array;
    try {
      ({ depth } = await this.run(image, width, height, slots, mask, this.createCaches(width, height, window)));
    } catch (thrown) {
      throw new DepthcastError('BAD_MODEL', {
        detail: `a trial run failed: ${(thrown as Error).message}`,
        cause: thrown,
      });
    }
    if (depth.length !== width * height) throw badModel(`depth holds ${depth.length} values for ${width}x${height}`);
    try {
      checkDepth(depth);
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

function badModel(detail: string): DepthcastError {
  return new DepthcastError('BAD_MODEL', { detail });
}

type Meta = { name: string; type: string; shape: readonly (number | string)[] };

/** @returns the shape of each cache, in order */
function checkContract(manifest: ModelManifest, session: ort.InferenceSession): CacheShape[] {
  const inputs = new Map(session.inputMetadata.map((m) => [m.name, m as Meta]));
  const outputs = new Set(session.outputNames);
  const slotCount = createWindow(manifest.window).slotCount;
  expectInput(inputs.get('image'), 'image', 'float32', 4);
  for (const [name, type] of [
    ['slots', 'int64'],
    ['mask', 'float32'],
  ] as const) {
    const [length] = expectInput(inputs.get(name), name, type, 1);
    if (typeof length === 'number' && length !== slotCount)
      throw badModel(`${name} has ${length} slots, the manifest's window makes ${slotCount}`);
  }
  if (!outputs.has('depth')) throw badModel('there is no output named depth');
  const caches: CacheShape[] = [];
  for (let i = 0; inputs.has(`c${i}`); i++) {
    const { type } = inputs.get(`c${i}`)!;
    if (!isStateType(type)) throw badModel(`c${i} is ${type}, which no state is kept in`);
    const [tokens, , channels] = expectInput(inputs.get(`c${i}`), `c${i}`, type, 3);
    if (typeof channels !== 'number') throw badModel(`c${i} leaves its channels open`);
    if (!outputs.has(`h${i}`)) throw badModel(`c${i} has no output h${i} to be filled from`);
    caches.push({ tokens: tokenRule(tokens!, `c${i}`), channels, type });
  }
  return caches;
}

function expectInput(meta: Meta | undefined, name: string, type: string, rank: number): readonly (number | string)[] {
  if (meta === undefined) throw badModel(`there is no input named ${name}`);
  if (meta.type !== type || meta.shape.length !== rank)
    throw badModel(`${name} is ${meta.type} of rank ${meta.shape.length}, not ${type} of rank ${rank}`);
  return meta.shape;
}

/** A graph of open size names its token axes T16, N32...: one token for each such square of pixels. */
function tokenRule(axis: number | string, cache: string): CacheShape['tokens'] {
  if (typeof axis === 'number') return () => axis;
  const stride = Number(/^[A-Z](\d+)$/.exec(axis)?.[1]);
  if (!(stride > 0))
    throw badModel(`the token axis of ${cache} is named ${axis}; expected a letter and a stride, such as T32`);
  return (width, height) => Math.ceil(width / stride) * Math.ceil(height / stride);
}
