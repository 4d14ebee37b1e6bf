import { usableCores } from '../cgroup.ts';

/** Streams that a process's networks serve on its CPU, in memory that all its threads read: whether one has the cores to itself. */
export class StreamCount {
  readonly #count: Int32Array;

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  }

  /** @param memory of `memory()` */
  constructor(memory: SharedArrayBuffer) {
    this.#count = new Int32Array(memory);
  }

  /** @param streams how many more, or fewer */
  add(streams: number): void {
    Atomics.add(this.#count, 0, streams);
  }

  /** Whether the cores have room for a frame of each of them on so many threads at once. */
  leaves(threads: number, cores = usableCores()): boolean {
    return Atomics.load(this.#count, 0) * threads <= cores;
  }
}
