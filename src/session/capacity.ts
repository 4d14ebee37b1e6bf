import type { SettledConfig } from '../config/schema.ts';
import type { InferencerPool } from '../depth/pool.ts';
import { DepthcastError } from '../errors.ts';
import type { Registry } from './registry.ts';

/** Seconds after which a refused publisher may try again. */
const RETRY_AFTER = 10;

export interface CapacityOptions {
  registry: Pick<Registry, 'streams'>;
  pool: Pick<InferencerPool, 'workersLimit' | 'models'>;
  config: SettledConfig;
}

/**
 * How much of the depth workers' time the streams ask for, as measured: 1 when every picture of every stream just gets its
 * depth, 2 when every second one does. A newcomer is refused before that grows beyond `limits.utilisation`.
 */
export class Capacity {
  readonly #options: CapacityOptions;

  constructor(options: CapacityOptions) {
    this.#options = options;
  }

  /** Of the present streams; one that is still being set up counts as the others do on average. */
  get utilisation(): number {
    return this.#workers() / this.#options.pool.workersLimit;
  }

  /** With one stream more. */
  predict(model = this.#options.pool.models[0]!.manifest.name): number {
    return (this.#workers() + (this.#newcomer(model) ?? 0)) / this.#options.pool.workersLimit;
  }

  /** Whether one more publisher would be taken. */
  hasCapacity(model?: string): boolean {
    const { registry, config } = this.#options;
    const { utilisation: limit } = config.limits;
    // A server that carries nothing takes one stream, however slow its network is.
    return limit === null || registry.streams.length === 0 || this.predict(model) <= limit;
  }

  /** @throws DepthcastError BUSY */
  expectRoom(model?: string): void {
    if (this.hasCapacity(model)) return;
    const detail = `the depth workers would be asked for ${this.predict(model).toFixed(1)} times what they can do`;
    throw new DepthcastError('BUSY', { detail, retryAfter: RETRY_AFTER });
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
