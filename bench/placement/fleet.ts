import type { SettledConfig } from '../../src/config/schema.ts';
import { DepthcastError } from '../../src/errors.ts';
import { agentWeight } from '../../src/server/agent-port.ts';
import { Admission } from '../../src/session/admission.ts';
import { Registry } from '../../src/session/registry.ts';

/** What a stream asks of the depth workers, as stream/demand.ts measures it. */
export interface StreamDemand {
  rate: number;
  milliseconds: number;
}

const MODEL = 'simulated';

/** A replica without sockets and networks: the real registry and admission, on streams of which only the demand is there. */
export class SimulatedReplica {
  #registry = new Registry();
  #admission: Admission;
  readonly #config: SettledConfig;
  readonly #workers: number;
  alive = true;

  constructor(config: SettledConfig, workers: number) {
    this.#config = config;
    this.#workers = workers;
    this.#admission = this.#admit();
  }

  /** What its agent port says: 0 for drain. */
  get weight(): number {
    return agentWeight(this.#admission);
  }

  get streams(): number {
    return this.#registry.placesTaken;
  }

  get utilisation(): number {
    return this.#admission.utilisation;
  }

  /** @returns how it ends; undefined where the real code refuses it */
  publish(name: string, demand: StreamDemand): { end(): void } | { retryAfter: number } {
    try {
      const place = this.#admission.reserve(name);
      try {
        this.#admission.checkWorkers(MODEL);
      } catch (thrown) {
        place.free();
        throw thrown;
      }
      place.filled({ model: MODEL, demand, close: () => {} } as never);
      return { end: place.free };
    } catch (thrown) {
      return { retryAfter: thrown instanceof DepthcastError ? (thrown.retryAfter ?? 0) : 0 };
    }
  }

  /** Forgets everything, as a process that is killed. */
  kill(): void {
    this.alive = false;
    this.#registry = new Registry();
    this.#admission = this.#admit();
  }

  #admit(): Admission {
    const pool = { workersLimit: this.#workers, models: [{ manifest: { name: MODEL } }] };
    return new Admission({ registry: this.#registry, pool: pool as never, config: this.#config });
  }
}
