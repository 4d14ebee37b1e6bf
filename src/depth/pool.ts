import { setImmediate as nextTurn } from 'node:timers/promises';
import { usableCores } from '../cgroup.ts';
import { DepthcastError } from '../errors.ts';
import { findModel, type InstalledModel, type LibraryOptions, listModels, verifyModel } from '../model/library.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { resolveSize } from '../model/size.ts';
import type { DeviceOptions } from './engine-set.ts';
import { streamsThatFit } from './engines/device-memory.ts';
import { WorkerInferencer } from './inferencer.ts';

/** Models kept loaded at once; each holds its weights and threads. */
const MAX_LOADED = 4;
/** Workers of one model: each holds the weights once more. */
const MAX_WORKERS = 16;
/** A load that failed is not tried again for this long: it may have taken minutes of the processor. */
const FAILED_MS = 10_000;

export interface PoolOptions extends Omit<DeviceOptions, 'shared'> {
  /** Of each worker; 0 measures what suits the model. */
  threads?: number;
  /** Most workers for one model; 0 for as many as the cores carry. */
  workers?: number;
  /** See {@link InferencerPool.size}. */
  size?: number | undefined;
  /** Overrides the default model's; null leaves it. */
  cutThreshold?: number | null;
  library?: LibraryOptions;
  /** Called with each new inferencer, to watch it. */
  onLoad?: (inferencer: WorkerInferencer) => void;
}

/**
 * The depth workers of a server. A model's first worker is loaded when it is first asked for, further ones when streams
 * would have to share, up to the number of cores: two small networks side by side do more than one on two threads.
 */
export class InferencerPool {
  /** Network size that streams begin with where nobody asks for another and their model has it; undefined for each model's own. */
  size: number | undefined;
  readonly #options: Required<Pick<PoolOptions, 'threads' | 'workers' | 'onLoad'>>;
  readonly #devices: Omit<DeviceOptions, 'shared'>;
  readonly #models = new Map<string, InstalledModel>();
  readonly #workers = new Map<string, WorkerInferencer[]>();
  /** Of each model the end of the calls so far. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Models that a worker is being loaded for. */
  readonly #loading = new Set<string>();
  readonly #failures = new Map<string, { error: unknown; until: number }>();
  #firstLoads: Promise<unknown> = Promise.resolve();

  /**
   * @param defaultModel name, or path of a manifest or checkpoint; it is offered beside every model that is on this machine
   * @throws DepthcastError MODEL_NOT_FOUND, BAD_MANIFEST
   */
  constructor(defaultModel: string, options: PoolOptions = {}) {
    const {
      threads = 0,
      workers = 0,
      size,
      cutThreshold = null,
      library = {},
      onLoad = () => {},
      ...devices
    } = options;
    this.size = size;
    this.#options = { threads, workers, onLoad };
    this.#devices = devices;
    const found = findModel(defaultModel, library);
    const first = cutThreshold === null ? found : { ...found, manifest: { ...found.manifest, cutThreshold } };
    for (const model of [first, ...listModels(library)])
      if (!this.#models.has(model.manifest.name)) this.#models.set(model.manifest.name, model);
  }

  /** Models that can be asked for, the default first. */
  get models(): InstalledModel[] {
    return [...this.#models.values()];
  }

  get workers(): WorkerInferencer[] {
    return [...this.#workers.values()].flat();
  }

  /** Workers that the default model may have, loaded or not; 1 until the first is loaded and its threads are known. */
  get workersLimit(): number {
    return this.#most(this.#workers.get(this.models[0]!.manifest.name)?.[0]);
  }

  /** Streams of the default model that fit in the device's memory beside the loaded networks; Infinity where it is not bounded. */
  get deviceStreams(): number {
    const memory = this.#workers.get(this.models[0]!.manifest.name)?.[0]?.engine?.memory;
    const { deviceMemory } = this.#devices;
    if (!memory || deviceMemory === undefined) return Infinity;
    const model = this.workers.reduce((sum, { engine }) => sum + (engine?.memory?.model ?? 0), 0);
    return streamsThatFit(deviceMemory, { ...memory, model });
  }

  /**
   * The worker of a model that carries the fewest streams.
   * @throws DepthcastError MODEL_NOT_FOUND, BAD_MODEL, BUSY when too many models are in use
   */
  get(name = this.models[0]!.manifest.name): Promise<WorkerInferencer> {
    const model = this.#models.get(name);
    if (model === undefined) {
      const detail = `${name}; there is ${[...this.#models.keys()].join(', ')}`;
      return Promise.reject(new DepthcastError('MODEL_NOT_FOUND', { detail }));
    }
    // One at a time, so that two who ask at once do not both load; a model that is there waits for no other.
    const found = (this.#turns.get(name) ?? Promise.resolve()).then(() => this.#find(model));
    this.#turns.set(
      name,
      found.catch(() => {}),
    );
    return found;
  }

  /** The network size that streams of a model begin with where nobody asks for another. */
  sizeOf(model: Pick<ModelManifest, 'size'>): number {
    return resolveSize(model, this.size);
  }

  async close(): Promise<void> {
    await Promise.all(this.#turns.values());
    const workers = this.workers;
    this.#workers.clear();
    await Promise.all(workers.map((worker) => worker.close()));
  }

  async #find(model: InstalledModel): Promise<WorkerInferencer> {
    const { name } = model.manifest;
    const workers = this.#workers.get(name) ?? [];
    const [first] = workers;
    const least = workers.toSorted((a, b) => a.streamCount - b.streamCount)[0];
    if (least && (least.streamCount === 0 || workers.length >= this.#most(first))) return least;
    const failure = this.#failures.get(name);
    if (failure && performance.now() < failure.until) {
      // Rather share than be refused.
      if (least) return least;
      throw failure.error;
    }
    return first ? this.#load(model, first.threads, first.threadsAlone) : this.#loadFirst(model);
  }

  /** One model at a time: an idle one is evicted where too many are loaded. It then measures how many threads suit it. */
  #loadFirst(model: InstalledModel): Promise<WorkerInferencer> {
    const loaded = this.#firstLoads.then(async () => {
      await this.#evictIdleModel();
      return this.#load(model, this.#options.threads);
    });
    this.#firstLoads = loaded.catch(() => {});
    return loaded;
  }

  async #load(model: InstalledModel, threads: number, threadsAlone?: number): Promise<WorkerInferencer> {
    const { name } = model.manifest;
    this.#loading.add(name);
    try {
      if (!this.#workers.has(name)) await verifyModel(model);
      const worker = await WorkerInferencer.create(model, {
        ...this.#devices,
        threads,
        threadsAlone,
        size: this.sizeOf(model.manifest),
      });
      this.#workers.set(name, [...(this.#workers.get(name) ?? []), worker]);
      this.#options.onLoad(worker);
      return worker;
    } catch (error) {
      this.#failures.set(name, { error, until: performance.now() + FAILED_MS });
      throw error;
    } finally {
      this.#loading.delete(name);
    }
  }

  #most(first: WorkerInferencer | undefined): number {
    // A device takes one run at a time, whoever asks for it.
    if (first === undefined || first.accelerated) return 1;
    const carried = Math.max(1, Math.floor(usableCores() / first.threads));
    return Math.min(this.#options.workers || carried, MAX_WORKERS);
  }

  async #evictIdleModel(): Promise<void> {
    // Whoever was just given a worker has opened its stream then.
    await nextTurn();
    if (this.#workers.size < MAX_LOADED) return;
    for (const [name, workers] of this.#workers) {
      if (this.#loading.has(name) || workers.some((worker) => worker.streamCount > 0)) continue;
      this.#workers.delete(name);
      await Promise.all(workers.map((worker) => worker.close()));
      return;
    }
    throw new DepthcastError('BUSY', { detail: `${MAX_LOADED} models are in use`, retryAfter: 30 });
  }
}
