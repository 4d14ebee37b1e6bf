import type { SettledConfig } from '../config/schema.ts';
import type { InferencerPool } from '../depth/pool.ts';
import { DepthcastError } from '../errors.ts';
import type { Registry } from './registry.ts';

/** Seconds after which a refused client may try again: a place may become free at once, workers' time less soon. */
const RETRY_PLACE = 5;
const RETRY_WORKERS = 10;

/** Utilisation that counts as all of a server whose utilisation is not limited. */
const UNLIMITED = 2;
/** What a server that still takes someone has free at least. */
const SLIVER = 0.01;

export interface AdmissionOptions {
  registry: Registry;
  pool: Pick<InferencerPool, 'workersLimit' | 'models'> & Partial<Pick<InferencerPool, 'deviceStreams'>>;
  config: SettledConfig;
}

/**
 * Who may begin: no one while the server drains, no publisher beyond `limits.streams`, no viewer beyond
 * `limits.viewersPerStream`, and no publisher whose frames would raise the depth workers' utilisation, as measured,
 * beyond `limits.utilisation`.
 */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Takes a stream's name for one publisher, before anything is set up.
   * @throws DepthcastError STREAM_TAKEN, BUSY, DRAINING
   */
  reserve(name: string): ReturnType<Registry['reserve']> {
    const { registry } = this.#options;
    if (!registry.isTaken(name)) this.checkStreams();
    return registry.reserve(name);
  }

  /**
   * Takes a viewer's place at a stream.
   * @throws DepthcastError NO_PUBLISHER, BUSY, DRAINING
   */
  view(name: string): ReturnType<Registry['view']> {
    const { registry, config } = this.#options;
    const { viewersPerStream } = config.limits;
    this.#checkDraining();
    if (registry.viewersOf(name) >= viewersPerStream)
      throw new DepthcastError('BUSY', { detail: `${viewersPerStream} viewers`, retryAfter: RETRY_PLACE });
    return registry.view(name);
  }

  /** Whether one more publisher would find a place. @throws DepthcastError BUSY, DRAINING */
  checkStreams(): void {
    const { registry, pool, config } = this.#options;
    const { streams } = config.limits;
    this.#checkDraining();
    if (registry.placesTaken >= streams)
      throw new DepthcastError('BUSY', { detail: `${streams} streams`, retryAfter: RETRY_PLACE });
    const { deviceStreams = Infinity } = pool;
    if (registry.placesTaken >= deviceStreams)
      throw new DepthcastError('BUSY', {
        detail: `${deviceStreams} streams fit in limits.deviceMemory`,
        retryAfter: RETRY_PLACE,
      });
  }

  /** Whether the depth workers have time for one more stream. @throws DepthcastError BUSY */
  checkWorkers(model?: string): void {
    if (this.hasWorkerTime(model)) return;
    const detail = `the depth workers would be asked for ${this.predict(model).toFixed(1)} times what they can do`;
    throw new DepthcastError('BUSY', { detail, retryAfter: RETRY_WORKERS });
  }

  hasWorkerTime(model?: string): boolean {
    const { registry, config } = this.#options;
    const { utilisation: limit } = config.limits;
    // A server that carries nothing takes one stream, however slow its network is.
    return limit === null || registry.streams.length === 0 || this.predict(model) <= limit;
  }

  /**
   * How much of the depth workers' time the present streams ask for: 1 when every picture of every stream just gets its
   * depth, 2 when every second one does. A stream that is still being set up counts as the others do on average.
   */
  get utilisation(): number {
    return this.#workers() / this.#options.pool.workersLimit;
  }

  /**
   * The share of this server that newcomers may still take, 0 to 1: of the places or of the depth workers' time, whichever
   * is scarcer. 0 where one more publisher would be refused.
   */
  get free(): number {
    const { registry, config } = this.#options;
    const { streams, utilisation: limit } = config.limits;
    if (registry.draining || registry.placesTaken >= streams || !this.hasWorkerTime()) return 0;
    const places = 1 - registry.placesTaken / streams;
    // Without a limit nobody is refused for it; load still counts when servers are compared.
    const time = 1 - this.utilisation / (limit ?? UNLIMITED);
    return Math.max(SLIVER, Math.min(places, time));
  }

  /** The utilisation with one stream more. */
  predict(model = this.#options.pool.models[0]!.manifest.name): number {
    return (this.#workers() + (this.#newcomer(model) ?? 0)) / this.#options.pool.workersLimit;
  }

  #checkDraining(): void {
    if (this.#options.registry.draining) throw new DepthcastError('DRAINING', { retryAfter: RETRY_PLACE });
  }

  /** Workers that would be busy all the time with the present streams. */
  #workers(): number {
    let sum = 0;
    for (const { model, demand } of this.#options.registry.streams)
      sum += demand.rate === undefined ? (this.#newcomer(model) ?? 0) : (demand.rate * demand.milliseconds!) / 1000;
    return sum;
  }

  /** Workers that a stream will need of which nothing is known yet; undefined where its model was not measured. */
  #newcomer(model: string): number | undefined {
    const known = this.#options.registry.streams.filter(({ demand }) => (demand.rate ?? 0) > 0);
    const same = known.filter((stream) => stream.model === model);
    if (same.length === 0) return undefined;
    const rate = mean(known.map(({ demand }) => demand.rate!));
    return (rate * mean(same.map(({ demand }) => demand.milliseconds!))) / 1000;
  }
}

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
