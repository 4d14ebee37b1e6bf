import { DepthcastError } from '../errors.ts';
import { GraphCache } from '../model/graph-cache.ts';
import type { InstalledModel } from '../model/library.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { GRAPH_PRECISION } from '../model/precision.ts';
import type { Size } from '../model/size.ts';
import { DepthEngine } from './engine.ts';
import { networkSize } from './network-size.ts';
import { readReference, writeReference } from './reference.ts';

/** Network sizes of a checkpoint that streams may use at once; each holds the weights once more. */
const MAX_SIZES = 4;
const FOUR_BY_THREE: Size = { width: 4, height: 3 };

interface Held {
  readonly engine: DepthEngine;
  readonly size: string;
  users: number;
}

/**
 * The loaded networks of one model. A graph of open size is one network for every size; of a checkpoint, one is made
 * for each size that streams ask for. A size that nobody uses stays loaded until another is needed.
 */
export class EngineSet {
  readonly manifest: ModelManifest;
  /** Of each network's session. */
  readonly threads: number;
  /** How far the network loaded first is from its float32 self; see DepthEngine. */
  readonly parity: number | undefined;
  readonly #model: InstalledModel;
  readonly #cache: GraphCache;
  readonly #held: Held[] = [];

  private constructor(model: InstalledModel, threads: number, cache: GraphCache, first: Held) {
    this.manifest = model.manifest;
    this.threads = threads;
    this.parity = first.engine.parity;
    this.#model = model;
    this.#cache = cache;
    this.#held.push(first);
  }

  /**
   * Loads the network for `size` and a picture's aspect.
   * @param threads 0 measures; see DepthEngine.load
   * @param size one of the manifest's; its default when absent
   * @throws DepthcastError BAD_MODEL, BAD_CHECKPOINT, BAD_SIZE, BAD_OUTPUT, MODEL_NOT_FOUND
   */
  static async load(
    model: InstalledModel,
    {
      threads = 0,
      size,
      picture = FOUR_BY_THREE,
    }: { threads?: number; size?: number | undefined; picture?: Size } = {},
  ): Promise<EngineSet> {
    const { width, height } = networkSize(model.manifest, picture.width, picture.height, size);
    const cache = new GraphCache(model.graphs);
    const engine = await load(model, cache, threads, width, height);
    return new EngineSet(model, engine.threads, cache, { engine, size: sizeKey(model, width, height), users: 0 });
  }

  /**
   * The network for a size; give it back with `free`. Blocks while one is built and loaded: seconds for large ones.
   * @throws DepthcastError as `load`, and BUSY when too many sizes are in use
   */
  async take(width: number, height: number): Promise<DepthEngine> {
    const size = sizeKey(this.#model, width, height);
    let held = this.#held.find((one) => one.size === size);
    if (held === undefined) {
      await this.#dropIdle();
      if (this.#held.length >= MAX_SIZES)
        throw new DepthcastError('BUSY', { detail: `${MAX_SIZES} network sizes of ${this.manifest.name} are in use` });
      const engine = await load(this.#model, this.#cache, this.threads, width, height);
      held = { engine, size, users: 0 };
      this.#held.push(held);
    }
    held.users++;
    return held.engine;
  }

  free(engine: DepthEngine): void {
    const held = this.#held.find((one) => one.engine === engine);
    if (held) held.users--;
  }

  async release(): Promise<void> {
    await Promise.all(this.#held.splice(0).map(({ engine }) => engine.release()));
  }

  async #dropIdle(): Promise<void> {
    const idle = this.#held.filter((one) => one.users === 0);
    for (const one of idle) this.#held.splice(this.#held.indexOf(one), 1);
    await Promise.all(idle.map(({ engine }) => engine.release()));
  }
}

/** Sizes with the same key share a network. */
function sizeKey({ manifest }: InstalledModel, width: number, height: number): string {
  return manifest.kind === 'checkpoint' ? `${width}x${height}` : 'any';
}

async function load(
  { manifest, file }: InstalledModel,
  cache: GraphCache,
  threads: number,
  width: number,
  height: number,
): Promise<DepthEngine> {
  let graph = file;
  if (manifest.kind === 'checkpoint') {
    const request = { checkpoint: file, kind: 'stream', width, height, config: manifest.network } as const;
    graph = await cache.get({ ...request, precision: GRAPH_PRECISION[manifest.precision] });
    if (manifest.precision !== 'fp32' && readReference(graph) === undefined) {
      const full = await cache.get({ ...request, precision: 'float32' });
      await writeReference(manifest, full, { width, height }, graph);
    }
  }
  return DepthEngine.load(manifest, { graph, width, height, threads, reference: readReference(graph) });
}
