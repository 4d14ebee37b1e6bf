import { EventEmitter } from 'node:events';

/**
 * An EventEmitter whose events are listed in a type: `{ frame: [EncodedFrame]; closed: [] }`.
 * Listeners run synchronously, in the order in which they were added.
 */
export class Emitter<Events extends Record<keyof Events, unknown[]>> {
  readonly #events = new EventEmitter();

  on<K extends keyof Events & string>(event: K, listener: (...values: Events[K]) => void): this {
    this.#events.on(event, listener as (...values: unknown[]) => void);
    return this;
  }

  once<K extends keyof Events & string>(event: K, listener: (...values: Events[K]) => void): this {
    this.#events.once(event, listener as (...values: unknown[]) => void);
    return this;
  }

  off<K extends keyof Events & string>(event: K, listener: (...values: Events[K]) => void): this {
    this.#events.off(event, listener as (...values: unknown[]) => void);
    return this;
  }

  protected emit<K extends keyof Events & string>(event: K, ...values: Events[K]): void {
    this.#events.emit(event, ...values);
  }

  protected removeAllListeners(): void {
    this.#events.removeAllListeners();
  }
}
