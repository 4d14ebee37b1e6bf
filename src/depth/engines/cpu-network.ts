import '../no-telemetry.ts';
import ort from 'onnxruntime-node';
import { DepthcastError } from '../../errors.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import type { Size } from '../../model/size.ts';
import { StateCache } from '../../model/state-cache.ts';
import { resampleCache } from '../../model/state-resample.ts';
import { type AttentionWindow, createWindow, type WindowStep } from '../../model/window.ts';
import type { EngineState } from '../engine.ts';
import { assumedFocal, type Focal, setFocal } from '../focal.ts';
import type { StreamCount } from '../stream-count.ts';
import { bordersOf, type CacheShape, checkContract } from './contract.ts';
import { QuickerWay } from './quicker-way.ts';
import { trialImage } from './trial.ts';

/** A graph of the contract's second form, which is not for this network. */
export class RingGraph extends Error {}

/** The network once more, on more threads, for runs of a stream that has the cores to itself. */
interface Alone {
  readonly network: CpuNetwork;
  readonly threads: number;
  readonly streams: StreamCount;
}

/** Of images whose times are kept. */
const MAX_SIZES = 16;

/** A loaded graph and what its contract says. */
export class CpuNetwork {
  readonly #session: ort.InferenceSession;
  readonly caches: readonly CacheShape[];
  readonly summary: boolean;
  readonly focal: boolean;
  readonly resamples: boolean;
  /** Axes of the graph's map before its height and width: ones. */
  readonly #depthBatch: readonly number[];
  #alone: Alone | undefined;
  /** Of this network and the other, by the values of an image: streams of several sizes may take turns. */
  readonly #quicker = new Map<number, QuickerWay>();
  #sharedFactor = 1;

  /**
   * @param spins its threads wait for each other in a loop while a frame is at work; asleep they would be woken a hundred times for one
   * @throws DepthcastError BAD_MODEL; RingGraph
   */
  static async load(manifest: ModelManifest, graph: string, threads: number, spins = false): Promise<CpuNetwork> {
    const session = await openSession(graph, threads, spins);
    try {
      return new CpuNetwork(manifest, session);
    } catch (thrown) {
      await session.release();
      throw thrown;
    }
  }

  private constructor(manifest: ModelManifest, session: ort.InferenceSession) {
    this.#session = session;
    const { form, caches, summary, focal, depthBatch } = checkContract(manifest, bordersOf(session));
    if (form === 'rings') throw new RingGraph();
    this.caches = caches;
    this.summary = summary;
    this.focal = focal;
    // States of integers are parts of numbers.
    this.resamples = caches.every(({ grid, type }) => grid !== undefined && type === 'float32');
    this.#depthBatch = depthBatch;
  }

  async release(): Promise<void> {
    await this.runAlone(undefined);
    await this.#session.release();
  }

  /** From now on the other network, which is this one's to release, runs frames while the cores have room for that and it is the quicker one; none, undefined. */
  async runAlone(alone: Alone | undefined): Promise<void> {
    const before = this.#alone;
    this.#alone = alone;
    await before?.network.release();
  }

  async run(
    feeds: ort.InferenceSession.FeedsType,
    fetches: ort.InferenceSession.FetchesType,
  ): Promise<ort.InferenceSession.ReturnType> {
    const alone = this.#alone;
    this.#sharedFactor = 1;
    if (!alone?.streams.leaves(alone.threads)) return this.#session.run(feeds, fetches);
    const quicker = this.#quickerAt((feeds['image'] as ort.Tensor).size);
    const way = quicker.next;
    const began = performance.now();
    if (way === 'plain') {
      const out = await this.#session.run(feeds, fetches);
      quicker.took(performance.now() - began);
      return out;
    }
    try {
      const out = await alone.network.#session.run(feeds, fetches);
      quicker.took(performance.now() - began);
      this.#sharedFactor = quicker.gain;
      return out;
    } catch (thrown) {
      // More memory than there is for further threads, say: this frame's error is told, the next ones have one network.
      await this.runAlone(undefined);
      throw thrown;
    }
  }

  /** Of EngineState, for the latest run. */
  get sharedFactor(): number {
    return this.#sharedFactor;
  }

  #quickerAt(size: number): QuickerWay {
    const known = this.#quicker.get(size);
    if (known) return known;
    if (this.#quicker.size >= MAX_SIZES) this.#quicker.clear();
    const quicker = new QuickerWay();
    this.#quicker.set(size, quicker);
    return quicker;
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
export class CpuState implements EngineState {
  readonly #network: CpuNetwork;
  readonly #size: Size;
  readonly #window: AttentionWindow;
  #caches: StateCache[];
  readonly #feeds: Record<string, ort.Tensor> = {};
  readonly #fetches: Record<string, ort.Tensor | null> = {};
  /** Of the network's input `focal`. */
  readonly #focal = new Float32Array(2);
  #step: WindowStep | undefined;
  /** The array that the map's tensor stands for. */
  #depth: Float32Array | undefined;

  private constructor(network: CpuNetwork, size: Size, window: AttentionWindow, caches: StateCache[]) {
    this.#network = network;
    this.#size = size;
    this.#window = window;
    this.#caches = caches;
    if (network.summary) this.#fetches['summary'] = null;
    if (network.focal) this.#feeds['focal'] = new ort.Tensor('float32', this.#focal, [2]);
    caches.forEach(({ type, cached, incoming, tokens, slots, channels }, i) => {
      this.#feeds[`c${i}`] = new ort.Tensor(type, cached, [tokens, slots, channels]);
      this.#fetches[`h${i}`] = new ort.Tensor(type, incoming, [tokens, 1, channels]);
    });
  }

  /** @throws DepthcastError BAD_MODEL for caches that cannot be */
  static fresh(network: CpuNetwork, manifest: ModelManifest, size: Size): CpuState {
    const window = createWindow(manifest.window);
    const caches = network.caches.map(
      ({ tokens, channels, type }) => new StateCache(tokens(size.width, size.height), channels, window, type),
    );
    return new CpuState(network, size, window, caches);
  }

  async run(image: Float32Array, depth: Float32Array, focal?: Focal): Promise<Float32Array | undefined> {
    const out = await this.runFrame(image, depth, focal);
    return this.#network.summary ? (out['summary']!.data as Float32Array) : undefined;
  }

  /** @param depth null leaves the map to the runtime, which makes a new array for each */
  async runFrame(
    image: Float32Array,
    depth: Float32Array | null,
    focal?: Focal,
  ): Promise<ort.InferenceSession.ReturnType> {
    const { width, height } = this.#size;
    if (this.#network.focal) setFocal(this.#focal, focal ?? assumedFocal(this.#size));
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
    const out = await this.#network.run(this.#feeds, this.#fetches);
    for (const cache of this.#caches) cache.store(step.write, cache.incoming);
    return out;
  }

  get sharedFactor(): number {
    return this.#network.sharedFactor;
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

/** @throws DepthcastError BAD_MODEL */
async function openSession(graph: string, threads: number, spins: boolean): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(graph, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // Reserving all of a run's memory as one block costs a fifth more of it and gains no time.
      enableMemPattern: false,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // Threads that spin while they wait for work take the cores that codecs and sockets need: between frames none does.
      extra: { session: { intra_op: { allow_spinning: spins ? '1' : '0' }, force_spinning_stop: '1' } },
    });
  } catch (thrown) {
    const detail = `${graph}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    throw new DepthcastError('BAD_MODEL', { detail, cause: thrown });
  }
}
