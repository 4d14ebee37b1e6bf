import type { MessagePort } from 'node:worker_threads';
import type { InstalledModel } from '../model/library.ts';
import type { Size } from '../model/size.ts';
import type { WorkerChannel } from '../worker-channel.ts';
import type { RefusedDevice } from './device-choice.ts';
import type { EngineCapabilities } from './engine.ts';
import type { DeviceOptions } from './engine-set.ts';
import type { Focal } from './focal.ts';
import type { DisplayRange, InferenceTimings, ResetCause, StreamOptions } from './types.ts';

/** What a depth worker is started with. */
export interface WorkerBoot {
  model: InstalledModel;
  /** Of the network; 0 measures what suits it. */
  threads: number;
  /** Of EngineCapabilities, where it is known beforehand. */
  threadsAlone: number | undefined;
  /** Network size to load first; the model's default when undefined. */
  size: number | undefined;
  /** A picture of the aspect to load it for; 4:3 when undefined. */
  picture: Size | undefined;
  /** Give way to the other threads of the process. */
  yields: boolean;
  /** Where it runs. */
  devices: DeviceOptions;
  /** See {@link Activity}. */
  activity: SharedArrayBuffer;
}

/**
 * What a depth worker is at, whoever asked for it, in memory that its watchdog reads: the call, and how many there were so far.
 */
export class Activity {
  readonly memory: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  constructor(memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#numbers = new Int32Array(memory);
  }

  /** In the worker. */
  async during<T>(call: 'prepare' | 'infer', run: () => Promise<T>): Promise<T> {
    Atomics.add(this.#numbers, 1, 1);
    Atomics.store(this.#numbers, 0, call === 'prepare' ? 1 : 2);
    try {
      return await run();
    } finally {
      Atomics.store(this.#numbers, 0, 0);
    }
  }

  get call(): 'prepare' | 'infer' | undefined {
    return ([undefined, 'prepare', 'infer'] as const)[Atomics.load(this.#numbers, 0)];
  }

  get count(): number {
    return Atomics.load(this.#numbers, 1);
  }

  /** The worker is gone. */
  clear(): void {
    Atomics.store(this.#numbers, 0, 0);
  }
}

/** What a depth worker says when its network is loaded. */
export interface WorkerReady extends EngineCapabilities {
  refused: readonly RefusedDevice[];
}

/** Before a stream's first frame of a size: what has to be built, loaded and compiled for it may take minutes. */
export interface PrepareRequest {
  stream: number;
  width: number;
  height: number;
  /** It is the same picture at another size: memory goes on where the engine can. */
  carry: boolean;
}

export interface InferRequest {
  stream: number;
  /** Planar RGB, transferred; comes back with the answer. */
  image: Float32Array<ArrayBuffer>;
  width: number;
  height: number;
  focal: Focal | undefined;
  time: number;
  /** Of the picture before, where that did not come here. */
  last: number | undefined;
  options: Omit<StreamOptions, 'size' | 'reduced'>;
  reset: ResetCause | undefined;
  /** Memory for the map, if the stream has some to spare; transferred. */
  spare: Float32Array<ArrayBuffer> | undefined;
  /** Unix time in ms with fractions: the two threads' performance.now() start at different times. */
  postedAt: number;
}

export interface InferAnswer {
  image: Float32Array<ArrayBuffer>;
  values: Float32Array<ArrayBuffer>;
  width: number;
  height: number;
  range: DisplayRange;
  reset: ResetCause | undefined;
  timings: InferenceTimings;
}

/** What a depth worker is asked for. */
export interface DepthCalls {
  prepare(request: PrepareRequest): void;
  infer(request: InferRequest): InferAnswer;
  /** A stream has ended. */
  close(stream: number): void;
  /** Another thread has streams here too, with numbers of its own. */
  connect(port: MessagePort): void;
}

/** The near end of a depth worker. */
export type DepthChannel = WorkerChannel<DepthCalls, WorkerReady>;

/** A clock that two threads agree on, in ms. */
export const sharedNow = (): number => performance.timeOrigin + performance.now();
