import { DepthcastError } from '../errors.ts';
import { findModel, type InstalledModel, listModels } from '../model/library.ts';
import { WorkerInferencer } from './inferencer.ts';

/** Networks kept loaded at once; each holds its weights and threads. */
const MAX_LOADED = 4;

/** The inferencers of a server, one a model, loaded when first asked for. */
export class InferencerPool {
  readonly #threads: number;
  readonly #models = new Map<string, InstalledModel>();
  readonly #loaded = new Map<string, Promise<WorkerInferencer>>();
  readonly #onLoad: (inferencer: WorkerInferencer) => void;

  /**
   * @param defaultModel name or manifest path; it is offered beside every model that is shipped
   * @param onLoad called with each new inferencer, to watch it
   * @throws DepthcastError MODEL_NOT_FOUND, BAD_MANIFEST
   */
  constructor(defaultModel: string, { threads = 0, onLoad = (_: WorkerInferencer) => {} } = {}) {
    this.#threads = threads;
    this.#onLoad = onLoad;
    const first = findModel(defaultModel);
    for (const model of [first, ...listModels()])
      if (!this.#models.has(model.manifest.name)) this.#models.set(model.manifest.name, model);
  }

  /** Models that can be asked for, the default first. */
  get models(): InstalledModel[] {
    return [...this.#models.values()];
  }

  get loaded(): Promise<WorkerInferencer>[] {
    return [...this.#loaded.values()];
  }

  /** @throws DepthcastError MODEL_NOT_FOUND, BAD_MODEL, BUSY when too many models are in use */
  async get(name = this.models[0]!.manifest.name): Promise<WorkerInferencer> {
    const model = this.#models.get(name);
    if (model === undefined)
      throw new DepthcastError('MODEL_NOT_FOUND', {
        detail: `${name}; there is ${[...this.#models.keys()].join(', ')}`,
      });
    const loading = this.#loaded.get(name);
    if (loading) return loading;
    await this.#makeRoom();
    const promise = WorkerInferencer.create(model, { threads: this.#threads });
    this.#loaded.set(name, promise);
    try {
      const inferencer = await promise;
      this.#onLoad(inferencer);
      return inferencer;
    } catch (thrown) {
      this.#loaded.delete(name);
      throw thrown;
    }
  }

  async close(): Promise<void> {
    const all = await Promise.allSettled(this.#loaded.values());
    this.#loaded.clear();
    await Promise.all(all.map((r) => (r.status === 'fulfilled' ? r.value.close() : undefined)));
  }

  async #makeRoom(): Promise<void> {
    if (this.#loaded.size < MAX_LOADED) return;
    for (const [name, promise] of this.#loaded) {
      const inferencer = await promise.catch(() => undefined);
      if (inferencer && inferencer.streamCount > 0) continue;
      this.#loaded.delete(name);
      await inferencer?.close();
      return;
    }
    throw new DepthcastError('BUSY', { detail: `${MAX_LOADED} models are in use`, retryAfter: 30 });
  }
}
