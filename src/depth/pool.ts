import { availableParallelism } from 'node:os';
import { DepthcastError } from '../errors.ts';
import { findModel, type InstalledModel, type LibraryOptions, listModels, verifyModel } from '../model/library.ts';
import { allowedSizes } from '../model/size.ts';
import { WorkerInferencer } from './inferencer.ts';

/** Models kept loaded at once; each holds its weights and threads. */
const MAX_LOADED = 4;
/** Workers of one model: each holds the weights once more. */
const MAX_WORKERS = 16;

export interface PoolOptions {
  /** Of each worker; 0 measures what suits the model. */
  threads?: number;
  /** Most workers for one model; 0 for as many as the cores carry. */
  workers?: number;
  /** Network size of the default model to load first, if it has that size. */
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
  readonly #options: Required<Pick<PoolOptions, 'threads' | 'workers' | 'onLoad'>> & { size: number | undefined };
  readonly #models = new Map<string, InstalledModel>();
  readonly #workers = new Map<string, WorkerInferencer[]>();
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param defaultModel name, or path of a manifest or checkpoint; it is offered beside every model that is on this machine
   * @throws DepthcastError MODEL_NOT_FOUND, BAD_MANIFEST
   */
  constructor(defaultModel: string, options: PoolOptions = {}) {
    const { threads = 0, workers = 0, size, cutThreshold = null, library = {}, onLoad = () => {} } = options;
    this.#options = { threads, workers, size, onLoad };
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
    // One at a time, so that two who ask at once do not both load.
    const found = this.#turn.then(() => this.#find(model));
    this.#turn = found.catch(() => {});
    return found;
  }

  async close(): Promise<void> {
    await this.#turn;
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
    if (!first) {
      await this.#makeRoom();
      await verifyModel(model);
    }
    const { size } = this.#options;
    const worker = await WorkerInferencer.create(model, {
      threads: first?.threads ?? this.#options.threads,
      size: size !== undefined && allowedSizes(model.manifest).sizes.includes(size) ? size : undefined,
    });
    this.#workers.set(name, [...workers, worker]);
    this.#options.onLoad(worker);
    return worker;
  }

  #most(first: WorkerInferencer | undefined): number {
    if (first === undefined) return 1;
    const carried = Math.max(1, Math.floor(availableParallelism() / first.threads));
    return Math.min(this.#options.workers || carried, MAX_WORKERS);
  }

  async #makeRoom(): Promise<void> {
    if (this.#workers.size < MAX_LOADED) return;
    for (const [name, workers] of this.#workers) {
      if (workers.some((worker) => worker.streamCount > 0)) continue;
      this.#workers.delete(name);
      await Promise.all(workers.map((worker) => worker.close()));
      return;
    }
    throw new DepthcastError('BUSY', { detail: `${MAX_LOADED} models are in use`, retryAfter: 30 });
  }
}
