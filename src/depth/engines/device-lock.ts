/** This thread's calls, one after the other: a wait for itself would block it for ever. */
let turn: Promise<unknown> = Promise.resolve();

/**
 * Lets one thread of this process at a time into native code that is not made for two. The threads that share it are
 * given the same memory; waiting blocks them, so the main thread must not hold it.
 */
export class DeviceLock {
  readonly #holder: Int32Array;
  readonly #self: number;

  /** @param memory int32[1]: who holds it, 0 for no one @param self of this thread, not 0 */
  constructor(memory: SharedArrayBuffer, self: number) {
    this.#holder = new Int32Array(memory);
    this.#self = self;
  }

  hold<T>(call: () => Promise<T>): Promise<T> {
    const held = turn.then(() => this.#locked(call));
    turn = held.catch(() => {});
    return held;
  }

  /** Lets go for a thread that ended with the lock in its hands. */
  static free(memory: SharedArrayBuffer, thread: number): void {
    const holder = new Int32Array(memory);
    if (Atomics.compareExchange(holder, 0, thread, 0) === thread) Atomics.notify(holder, 0);
  }

  async #locked<T>(call: () => Promise<T>): Promise<T> {
    while (Atomics.compareExchange(this.#holder, 0, 0, this.#self) !== 0) {
      const holder = Atomics.load(this.#holder, 0);
      if (holder !== 0) Atomics.wait(this.#holder, 0, holder, 1000);
    }
    try {
      return await call();
    } finally {
      DeviceLock.free(this.#holder.buffer as SharedArrayBuffer, this.#self);
    }
  }
}
