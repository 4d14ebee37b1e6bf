import { DepthcastError } from '../../errors.ts';

/** Longer than any call that is let in may take: whoever holds the lock is given up before. */
const MAX_WAIT_MS = 900_000;
/** How often a waiting thread looks by itself. */
const LOOK_MS = 1000;
const HOLDER = 0;
const CALLS = 1;

/**
 * Lets one thread of this process at a time into native code that is not made for two. The threads that share it are
 * given the same memory; waiting blocks them, so the main thread must not hold it. Calls of one thread do not wait for
 * each other: its native code runs one after the other anyway.
 */
export class DeviceLock {
  /** int32[2]: who holds it, 0 for no one, negative for a thread that was given up in there; and its calls under way. */
  readonly #state: Int32Array;
  readonly #self: number;

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  }

  /** @param memory of `memory()` @param self of this thread, above 0 */
  constructor(memory: SharedArrayBuffer, self: number) {
    this.#state = new Int32Array(memory);
    this.#self = self;
  }

  /** @throws DepthcastError DEVICE_LOST while a thread hangs in there */
  async hold<T>(call: () => Promise<T>): Promise<T> {
    this.#enter();
    try {
      return await call();
    } finally {
      this.#leave();
    }
  }

  /** @throws DepthcastError as `hold` */
  holdNow(call: () => void): void {
    this.#enter();
    try {
      call();
    } finally {
      this.#leave();
    }
  }

  /** Lets go for a thread that ended with the lock in its hands. */
  static free(memory: SharedArrayBuffer, thread: number): void {
    const state = new Int32Array(memory);
    const holder = Atomics.load(state, HOLDER);
    if (holder !== thread && holder !== -thread) return;
    Atomics.store(state, CALLS, 0);
    Atomics.store(state, HOLDER, 0);
    Atomics.notify(state, HOLDER);
  }

  /** Gives a thread up that does not come back: until it does, or ends, nobody waits for it. */
  static giveUp(memory: SharedArrayBuffer, thread: number): void {
    const state = new Int32Array(memory);
    if (Atomics.compareExchange(state, HOLDER, thread, -thread) === thread) Atomics.notify(state, HOLDER);
  }

  /** Whether a thread other than this one is in there. */
  static isHeldByOther(memory: SharedArrayBuffer, thread: number): boolean {
    const holder = Atomics.load(new Int32Array(memory), HOLDER);
    return holder > 0 && holder !== thread;
  }

  #enter(): void {
    const state = this.#state;
    const until = performance.now() + MAX_WAIT_MS;
    for (;;) {
      const holder = Atomics.compareExchange(state, HOLDER, 0, this.#self);
      if (Math.abs(holder) === this.#self || holder === 0) break;
      if (holder < 0 || performance.now() > until)
        throw new DepthcastError('DEVICE_LOST', {
          detail: "another thread of this process hangs in the device's driver",
        });
      Atomics.wait(state, HOLDER, holder, LOOK_MS);
    }
    Atomics.add(state, CALLS, 1);
  }

  #leave(): void {
    if (Atomics.sub(this.#state, CALLS, 1) === 1) DeviceLock.free(this.#state.buffer as SharedArrayBuffer, this.#self);
  }
}
