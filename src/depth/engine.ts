import { availableParallelism } from 'node:os';
import ort from 'onnxruntime-node';
import { DepthcastError } from '../errors.ts';
import type { InstalledModel } from '../model/library.ts';
import { createWindow } from '../model/window.ts';
import { networkSize } from './network-size.ts';

export interface CacheShape {
  /** Tokens of the cache for a network size. */
  tokens(width: number, height: number): number;
  channels: number;
}

/** What the graph returned for one frame. Arrays are the runtime's own and live until collected. */
export interface NetworkOutput {
  /** [height*width] */
  depth: Float32Array;
  /** One [tokens, 1, channels] for each cache. */
  states: Float32Array[];
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

/**
 * A streaming depth network in onnxruntime. Checks the graph against the streaming contract when it is loaded.
 * `run` blocks its thread: use it in a worker.
 */
export class DepthEngine {
  readonly model: InstalledModel;
  readonly caches: readonly CacheShape[];
  /** False for a model that leaves scene cuts to the picture itself. */
  readonly hasSummary: boolean;
  readonly threads: number;
  readonly #session: ort.InferenceSession;

  private constructor(model: InstalledModel, session: ort.InferenceSession, threads: number) {
    this.model = model;
    this.threads = threads;
    this.#session = session;
    this.caches = checkContract(model, session);
    this.hasSummary = session.outputNames.includes('summary');
  }

  /**
   * @param threads 0 measures: one where that is quick enough, otherwise every core
   * @throws DepthcastError BAD_MODEL when the file is no graph or does not meet the contract
   */
  static async load(model: InstalledModel, { threads = 0 } = {}): Promise<DepthEngine> {
    const engine = await DepthEngine.#create(model, threads || 1);
    const cores = Math.min(MAX_THREADS, availableParallelism());
    if (threads > 0 || cores === 1 || (await engine.#trialTime()) <= ONE_THREAD_MS) return engine;
    await engine.release();
    return DepthEngine.#create(model, cores);
  }

  static async #create(model: InstalledModel, threads: number): Promise<DepthEngine> {
    let session: ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(model.graph, {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        // Threads that spin while they wait for work take the cores that codecs and sockets need.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
    } catch (thrown) {
      const detail = `${model.graph}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      throw new DepthcastError('BAD_MODEL', { detail, cause: thrown });
    }
    const engine = new DepthEngine(model, session, threads);
    // The first run allocates, and a graph that cannot run must fail here.
    await engine.#trial();
    return engine;
  }

  /**
   * @param image [1, 3, height, width] normalised
   * @param cached one [tokens, S-1, channels] for each cache; read, not kept
   */
  async run(
    image: Float32Array,
    width: number,
    height: number,
    slots: BigInt64Array,
    mask: Float32Array,
    cached: readonly Float32Array[],
  ): Promise<NetworkOutput> {
    const feeds: Record<string, ort.Tensor> = {
      image: new ort.Tensor('float32', image, [1, 3, height, width]),
      slots: new ort.Tensor('int64', slots, [slots.length]),
      mask: new ort.Tensor('float32', mask, [mask.length]),
    };
    this.caches.forEach((shape, i) => {
      feeds[`c${i}`] = new ort.Tensor('float32', cached[i]!, [
        shape.tokens(width, height),
        slots.length - 1,
        shape.channels,
      ]);
    });
    const out = await this.#session.run(feeds);
    return {
      depth: out['depth']!.data as Float32Array,
      states: this.caches.map((_, i) => out[`h${i}`]!.data as Float32Array),
      summary: this.hasSummary ? (out['summary']!.data as Float32Array) : undefined,
    };
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  /** Milliseconds of a frame at the default size: the quickest of a few, since a busy machine only ever slows one. */
  async #trialTime(): Promise<number> {
    let least = Infinity;
    for (let i = 0; i < 4; i++) {
      const began = performance.now();
      await this.#trial();
      least = Math.min(least, performance.now() - began);
    }
    return least;
  }

  async #trial(): Promise<void> {
    const { manifest } = this.model;
    const { width, height } = networkSize(manifest, 4, 3);
    const window = createWindow(manifest.window);
    const { slots, mask } = window.step();
    const cached = this.caches.map((c) => new Float32Array(c.tokens(width, height) * (slots.length - 1) * c.channels));
    let out: NetworkOutput;
    try {
      out = await this.run(new Float32Array(3 * width * height), width, height, slots, mask, cached);
    } catch (thrown) {
      throw new DepthcastError('BAD_MODEL', {
        detail: `a trial run failed: ${(thrown as Error).message}`,
        cause: thrown,
      });
    }
    if (out.depth.length !== width * height)
      throw badModel(`depth holds ${out.depth.length} values for ${width}x${height}`);
  }
}

function badModel(detail: string): DepthcastError {
  return new DepthcastError('BAD_MODEL', { detail });
}

type Meta = { name: string; type: string; shape: readonly (number | string)[] };

/** @returns the shape of each cache, in order */
function checkContract({ manifest }: InstalledModel, session: ort.InferenceSession): CacheShape[] {
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
    const shape = expectInput(inputs.get(`c${i}`), `c${i}`, 'float32', 3);
    const [tokens, , channels] = shape;
    if (typeof channels !== 'number') throw badModel(`c${i} leaves its channels open`);
    if (!outputs.has(`h${i}`)) throw badModel(`c${i} has no output h${i} to be filled from`);
    caches.push({ tokens: tokenRule(tokens!, `c${i}`), channels });
  }
  return caches;
}

function expectInput(meta: Meta | undefined, name: string, type: string, rank: number): readonly (number | string)[] {
  if (meta === undefined) throw badModel(`there is no input named ${name}`);
  if (meta.type !== type || meta.shape.length !== rank)
    throw badModel(`${name} is ${meta.type} of rank ${meta.shape.length}, not ${type} of rank ${rank}`);
  return meta.shape;
}

/** A graph of open size names its token axes T16, T32...: one token for each such square of pixels. */
function tokenRule(axis: number | string, cache: string): CacheShape['tokens'] {
  if (typeof axis === 'number') return () => axis;
  const stride = Number(/^T(\d+)$/.exec(axis)?.[1]);
  if (!(stride > 0))
    throw badModel(`the token axis of ${cache} is named ${axis}; expected T and a stride, such as T32`);
  return (width, height) => Math.ceil(width / stride) * Math.ceil(height / stride);
}
