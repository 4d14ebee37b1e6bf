import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Of each metric of this program's own. */
export const PREFIX = 'depthcast_';

/** Defines metrics of a registry: each by its name without the prefix, what it says, and its labels. */
export class Definitions {
  readonly #registers: Registry[];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  counter<L extends string = never>(name: string, help: string, ...labelNames: L[]): Counter<L> {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: this.#registers });
  }

  gauge<L extends string = never>(name: string, help: string, ...labelNames: L[]): Gauge<L> {
    return new Gauge({ name: PREFIX + name, help, labelNames, registers: this.#registers });
  }

  /** @param buckets their upper bounds */
  histogram<L extends string = never>(name: string, help: string, buckets: number[], ...labelNames: L[]): Histogram<L> {
    return new Histogram({ name: PREFIX + name, help, labelNames, buckets, registers: this.#registers });
  }

  /** How many things are in each of some states. @param read the state of each thing, at each scrape */
  states(name: string, help: string, states: readonly string[], read: () => readonly string[]): void {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames: ['state'],
      registers: this.#registers,
      collect() {
        const now = read();
        for (const state of states) this.set({ state }, now.filter((one) => one === state).length);
      },
    });
  }
}
