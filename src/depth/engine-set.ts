import { DepthcastError } from '../errors.ts';
import { GraphCache } from '../model/graph-cache.ts';
import type { InstalledModel } from '../model/library.ts';
import type { ModelManifest } from '../model/manifest.ts';
import type { Size } from '../model/size.ts';
import { type ChosenEngine, type DeviceSetting, prepareOn, type RefusedDevice } from './device-choice.ts';
import type { Engine, EngineCapabilities, EngineProvider, PrepareOptions } from './engine.ts';
import { networkSize } from './network-size.ts';

/** Network sizes of a checkpoint that streams may use at once; each holds the weights once more. */
const MAX_SIZES = 4;
const FOUR_BY_THREE: Size = { width: 4, height: 3 };

/** Where networks run. */
export interface DeviceOptions extends Pick<PrepareOptions, 'deviceIndex' | 'onnxruntime' | 'shared' | 'deviceMemory'> {
  /** `cpu` when absent. */
  device?: DeviceSetting;
}

interface Held {
  readonly engine: Engine;
  readonly size: string;
  users: number;
}

/**
 * The loaded networks of one model. A graph of open size is one network for every size; of a checkpoint, one is made
 * for each size that streams ask for. A size that nobody uses stays loaded until another is needed.
 */
export class EngineSet {
  readonly manifest: ModelManifest;
  /** Of the network that was loaded first. */
  readonly capabilities: EngineCapabilities;
  /** Devices that `auto` tried and did not take; the CPU, where it does not compute the model's own precision. */
  readonly refused: readonly RefusedDevice[];
  readonly #model: InstalledModel;
  readonly #provider: EngineProvider;
  readonly #cache: GraphCache;
  readonly #devices: DeviceOptions;
  readonly #held: Held[] = [];
  /** Sizes at which a device computes something else: it does so the next time, too, and each trial takes seconds. */
  readonly #wrong = new Map<string, DepthcastError>();

  private constructor(
    model: InstalledModel,
    { provider, refused }: Omit<ChosenEngine, 'engine'>,
    cache: GraphCache,
    first: Held,
    devices: DeviceOptions,
  ) {
    const { precision, instead } = first.engine.capabilities;
    this.manifest = { ...model.manifest, precision };
    this.capabilities = first.engine.capabilities;
    const own = model.manifest.precision;
    this.refused = instead === undefined ? refused : [...refused, { device: 'cpu', precision: own, reason: instead }];
    this.#devices = devices;
    this.#model = model;
    this.#provider = provider;
    this.#cache = cache;
    this.#held.push(first);
  }

  /**
   * Loads the network for `size` and a picture's aspect.
   * @param threads 0 measures what suits the network
   * @param size one of the manifest's; its default when absent
   * @param provider what runs the networks, whatever `device` says
   * @throws DepthcastError BAD_MODEL, BAD_CHECKPOINT, BAD_SIZE, BAD_OUTPUT, MODEL_NOT_FOUND
   */
  static async load(
    model: InstalledModel,
    {
      threads = 0,
      threadsAlone,
      size,
      picture = FOUR_BY_THREE,
      provider,
      device = 'cpu',
      ...devices
    }: {
      threads?: number;
      threadsAlone?: number | undefined;
      size?: number | undefined;
      picture?: Size;
      provider?: EngineProvider;
    } & DeviceOptions = {},
  ): Promise<EngineSet> {
    const { width, height } = networkSize(model.manifest, picture.width, picture.height, size);
    const cache = new GraphCache(model.graphs);
    const options = { width, height, threads, threadsAlone, ...devices };
    const chosen: ChosenEngine = provider
      ? { provider, engine: await provider.prepare(model, cache, options), refused: [] }
      : await prepareOn(device, model, cache, options);
    const first = { engine: chosen.engine, size: sizeKey(model, width, height), users: 0 };
    return new EngineSet(model, chosen, cache, first, devices);
  }

  /**
   * The network for a size; give it back with `free`. Blocks while one is built and loaded: seconds for large ones.
   * @throws DepthcastError as `load`, and BUSY when too many sizes are in use
   */
  async take(width: number, height: number): Promise<Engine> {
    const size = sizeKey(this.#model, width, height);
    let held = this.#held.find((one) => one.size === size);
    if (held === undefined) {
      const wrong = this.#wrong.get(size);
      if (wrong) throw wrong;
      await this.#dropIdle();
      if (this.#held.length >= MAX_SIZES)
        throw new DepthcastError('BUSY', { detail: `${MAX_SIZES} network sizes of ${this.manifest.name} are in use` });
      const { threads, kind } = this.capabilities;
      const options = { width, height, threads: kind === 'cpu' ? threads : 0, ...this.#devices };
      const engine = await this.#provider.prepare(this.#model, this.#cache, options).catch((thrown: unknown) => {
        if (thrown instanceof DepthcastError && thrown.code === 'BAD_OUTPUT') this.#wrong.set(size, thrown);
        throw thrown;
      });
      held = { engine, size, users: 0 };
      this.#held.push(held);
    }
    held.users++;
    return held.engine;
  }

  free(engine: Engine): void {
    const held = this.#held.find((one) => one.engine === engine);
    if (held) held.users--;
  }

  async release(): Promise<void> {
    // One after the other: those of one device share its runtime.
    for (const { engine } of this.#held.splice(0)) await engine.release();
  }

  async #dropIdle(): Promise<void> {
    const idle = this.#held.filter((one) => one.users === 0);
    for (const one of idle) this.#held.splice(this.#held.indexOf(one), 1);
    for (const { engine } of idle) await engine.release();
  }
}

/** Sizes with the same key share a network. */
function sizeKey({ manifest }: InstalledModel, width: number, height: number): string {
  return manifest.kind === 'checkpoint' ? `${width}x${height}` : 'any';
}
