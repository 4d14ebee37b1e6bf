import type { Worker } from 'node:worker_threads';
import { displayRange, ExtremesReader, RangeTracker } from '../depth/range.ts';
import type { NetworkImage } from '../depth/types.ts';
import { DepthcastError } from '../errors.ts';
import { OFFLINE_WINDOW_FRAMES, windowAt } from '../model/offline-windows.ts';
import { startThread } from '../threads.ts';
import type { FromOffline, OfflineBoot, ToOffline, WindowDone } from './offline-protocol.ts';
import type { OfflineState } from './offline-state.ts';
import type { Prepared } from './prepare.ts';
import type { DepthResult } from './streaming.ts';

interface WindowResult extends Pick<WindowDone, 'milliseconds' | 'state'> {
  maps: Float32Array[];
}

/** The near end of the offline network's thread. */
export class OfflineNetwork {
  readonly boot: OfflineBoot;
  readonly #worker: Worker;
  readonly #ready: Promise<void>;
  #maps: Float32Array[] = [];
  /** Of frames that no window needs any more. */
  readonly #spares: Float32Array[] = [];
  #images: Float32Array<ArrayBuffer> | undefined;
  #waiting: { resolve(result: WindowResult): void; reject(error: DepthcastError): void } | undefined;

  constructor(boot: OfflineBoot) {
    this.boot = boot;
    this.#worker = startThread(import.meta.url, './offline-worker', { name: 'offline depth', workerData: boot });
    this.#ready = new Promise((resolve, reject) => {
      const fail = (error: DepthcastError) => {
        reject(error);
        this.#waiting?.reject(error);
      };
      this.#worker.on('message', (message: FromOffline) => {
        if (message.case === 'ready') resolve();
        if (message.case === 'map') this.#maps.push(message.value);
        if (message.case === 'failed') fail(new DepthcastError(message.value.code, message.value));
        if (message.case === 'done') {
          const { images, ...rest } = message.value;
          this.#images = images ?? this.#images;
          this.#waiting?.resolve({ maps: this.#maps.splice(0), ...rest });
        }
      });
      this.#worker.on('error', ({ message: detail }) => fail(new DepthcastError('WORKER_DIED', { detail })));
      this.#worker.on('exit', (code) => fail(new DepthcastError('WORKER_DIED', { detail: `exit code ${code}` })));
    });
    this.#ready.catch(() => {});
  }

  /** Resolves when the network is built and loaded. @throws DepthcastError BAD_OPTION, BAD_CHECKPOINT, BAD_MODEL */
  ready(): Promise<void> {
    return this.#ready;
  }

  takeInput(width: number, height: number): NetworkImage {
    return { data: this.#spares.pop() ?? new Float32Array(3 * width * height), width, height };
  }

  /** Takes a frame's memory back. */
  release(image: Float32Array): void {
    this.#spares.push(image);
  }

  /** Memory for a window's images, [32, 3, height, width]. */
  takeImages(): Float32Array<ArrayBuffer> {
    const { width, height } = this.boot.network;
    return this.#images ?? new Float32Array(OFFLINE_WINDOW_FRAMES * 3 * width * height);
  }

  /** Runs the next window; its final maps. */
  run(images: Float32Array<ArrayBuffer>): Promise<WindowResult> {
    this.#images = undefined;
    return this.#ask({ case: 'window', value: images }, [images.buffer]);
  }

  /** The maps that waited for a next window. */
  finish(): Promise<WindowResult> {
    return this.#ask({ case: 'finish' });
  }

  /** A thread inside the network is left to itself until it comes back: it cannot be ended without ending the process. */
  close(): void {
    this.#worker.removeAllListeners();
    this.#worker.postMessage({ case: 'exit' } satisfies ToOffline);
    this.#worker.unref();
  }

  async #ask(message: ToOffline, transfer: ArrayBuffer[] = []): Promise<WindowResult> {
    await this.#ready;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(message, transfer);
    });
  }
}

export interface OfflineWay {
  network: OfflineNetwork;
  /** Where an earlier run ended. */
  state: OfflineState | undefined;
  /** Told behind each window whose depth was taken. */
  save(state: OfflineState): Promise<void>;
  /** Ends it between two windows; one that is under way is not waited for. */
  signal: AbortSignal;
}

/** The frames that the first window of a run that goes on shows to the network again. */
export function replayedOffline({ windows }: OfflineState): (index: number) => boolean {
  const next = new Set(windowAt(windows));
  return (index) => next.has(index);
}

/**
 * Depth in Video Depth Anything's offline windows. Holds the frames of one window, and the ten images that go into the next.
 */
export async function* offlineDepth(frames: AsyncIterable<Prepared>, way: OfflineWay): AsyncGenerator<DepthResult> {
  const { network, state, signal } = way;
  const { model, network: input, size } = network.boot;
  const length = 3 * input.width * input.height;
  const extremes = new ExtremesReader();
  const tracker = new RangeTracker();
  if (state) tracker.restore(state.range);
  const source = frames[Symbol.asyncIterator]();
  const images = new Map<number, Float32Array>();
  /** Frames whose depth is not final. */
  const waiting: Prepared[] = [];
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  let done = state?.frames ?? 0;
  let count = 0;
  let ended = false;
  let time = state?.time ?? 0;

  const results = function* ({ maps, milliseconds }: WindowResult): Generator<DepthResult> {
    const share = milliseconds / Math.max(1, maps.length);
    for (const values of maps) {
      const prepared = waiting.shift();
      // The last window repeats the last frame.
      if (prepared === undefined) return;
      const found = extremes.read(values);
      if (!found.finite) throw new DepthcastError('BAD_OUTPUT', { detail: 'a map holds values that are not finite' });
      const range = displayRange(tracker.update(found, prepared.time - time), model.manifest.unit);
      time = prepared.time;
      done = prepared.index + 1;
      yield { prepared, values, size, range, reset: prepared.index === 0, milliseconds: share, release() {} };
    }
  };
  /** Reads on until a frame is there, or the end. */
  const readTo = async (last: number): Promise<void> => {
    while (!ended && count <= last) {
      const { done: atEnd, value } = await source.next();
      if (atEnd) {
        ended = true;
        return;
      }
      if (value.image) images.set(value.index, value.image.data);
      if (value.index >= done) waiting.push(value);
      count = value.index + 1;
    }
  };

  try {
    for (let n = state?.windows ?? 0; ; n++) {
      const window = windowAt(n);
      await readTo(window.at(-1)!);
      if (signal.aborted) return;
      if (count === 0 || (ended && window.at(-1)! - OFFLINE_WINDOW_FRAMES + 1 >= count)) break;
      const block = network.takeImages();
      const shown = window.map((index) => Math.min(index, count - 1));
      shown.forEach((index, i) => {
        block.set(images.get(index)!, i * length);
      });
      const needed = new Set(shown);
      for (const [index, image] of images)
        if (!needed.has(index)) {
          images.delete(index);
          network.release(image);
        }
      const result = await Promise.race([network.run(block), aborted]);
      if (result === undefined) return;
      yield* results(result);
      if (result.state)
        await way.save({ windows: n + 1, frames: done, time, range: tracker.state, maps: result.state });
    }
    if (count > 0) yield* results(await network.finish());
  } finally {
    for (const { frame } of waiting) frame?.free();
    await source.return?.();
  }
}
