/** Threads that may have networks on the device at once: far more than a process's depth workers. */
const MAX_THREADS = 64;
const TOTAL = 0;
/** Of each thread two cells: which it is, and its bytes. */
const FIRST = 1;
const PRIVATE_THREAD = 1;

/**
 * Bytes that a process's networks and streams take on its device, whichever threads they are in: what `limits.deviceMemory`
 * bounds. The threads that share it are given the same memory.
 */
export class DeviceLedger {
  readonly limit: number;
  readonly #cells: BigInt64Array;
  readonly #own: number;

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer((FIRST + 2 * MAX_THREADS) * BigInt64Array.BYTES_PER_ELEMENT);
  }

  /** @param limit most bytes of all threads together @param memory of `memory()`; its own when absent @param thread above 0 */
  constructor(limit = Infinity, memory = DeviceLedger.memory(), thread = PRIVATE_THREAD) {
    this.limit = limit;
    this.#cells = new BigInt64Array(memory);
    this.#own = ownCell(this.#cells, BigInt(thread));
  }

  /** Bytes that are taken, by all threads. */
  get used(): number {
    return Number(Atomics.load(this.#cells, TOTAL));
  }

  /** How often so many bytes are still to be had. */
  fits(bytes: number): number {
    return Math.max(0, Math.floor((this.limit - this.used) / bytes));
  }

  /** @returns false, and nothing is taken, where the limit would be passed */
  take(bytes: number): boolean {
    for (;;) {
      const total = Atomics.load(this.#cells, TOTAL);
      if (Number(total) + bytes > this.limit) return false;
      if (Atomics.compareExchange(this.#cells, TOTAL, total, total + BigInt(bytes)) !== total) continue;
      Atomics.add(this.#cells, this.#own, BigInt(bytes));
      return true;
    }
  }

  give(bytes: number): void {
    Atomics.sub(this.#cells, this.#own, BigInt(bytes));
    Atomics.sub(this.#cells, TOTAL, BigInt(bytes));
  }

  /** Gives back what a thread that has ended still had. */
  static free(memory: SharedArrayBuffer, thread: number): void {
    const cells = new BigInt64Array(memory);
    for (let at = FIRST; at < cells.length; at += 2) {
      if (Atomics.load(cells, at) !== BigInt(thread)) continue;
      Atomics.sub(cells, TOTAL, Atomics.exchange(cells, at + 1, 0n));
      Atomics.store(cells, at, 0n);
    }
  }
}

function ownCell(cells: BigInt64Array, thread: bigint): number {
  for (let at = FIRST; at < cells.length; at += 2) if (Atomics.load(cells, at) === thread) return at + 1;
  for (let at = FIRST; at < cells.length; at += 2)
    if (Atomics.compareExchange(cells, at, 0n, thread) === 0n) return at + 1;
  throw new Error(`more than ${MAX_THREADS} threads have networks on the device`);
}
