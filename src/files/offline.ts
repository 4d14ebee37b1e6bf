import type { Worker } from 'node:worker_threads';
import { displayRange, ExtremesReader, RangeTracker } from '../depth/range.ts';
import { DepthcastError } from '../errors.ts';
import { OFFLINE_WINDOW_FRAMES, offlineWindows } from '../model/offline-windows.ts';
import { startThread } from '../threads.ts';
import type { FromOffline, OfflineBoot, ToOffline } from './offline-protocol.ts';
import type { Prepared } from './prepare.ts';
import type { DepthResult } from './streaming.ts';

interface WindowResult {
  maps: Float32Array[];
  milliseconds: number;
}

/** The near end of the offline network's thread. */
export class OfflineNetwork {
  readonly boot: OfflineBoot;
  readonly #worker: Worker;
  readonly #ready: Promise<void>;
  #maps: Float32Array[] = [];
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
          this.#images = message.value.images ?? this.#images;
          this.#waiting?.resolve({ maps: this.#maps.splice(0), milliseconds: message.value.milliseconds });
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

  /** A thread inside the network is left to itself: it cannot be ended without ending the process. */
  close(): void {
    this.#worker.removeAllListeners();
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

/** Depth in Video Depth Anything's offline windows. Holds the frames of one window, and the ten images that go into the next. */
export async function* offlineDepth(
  frames: AsyncIterable<Prepared>,
  network: OfflineNetwork,
): AsyncGenerator<DepthResult> {
  const { model, network: input, size } = network.boot;
  const length = 3 * input.width * input.height;
  const extremes = new ExtremesReader();
  const tracker = new RangeTracker();
  const source = frames[Symbol.asyncIterator]();
  const images = new Map<number, Float32Array>();
  /** Frames whose depth is not final. */
  const waiting: Prepared[] = [];
  let count = 0;
  let ended = false;
  let time = 0;

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
      yield { prepared, values, size, range, reset: prepared.index === 0, milliseconds: share, release() {} };
    }
  };

  try {
    for (const window of offlineWindows(Number.MAX_SAFE_INTEGER)) {
      while (!ended && count <= window.at(-1)!) {
        const { done, value } = await source.next();
        if (done) {
          ended = true;
          break;
        }
        images.set(value.index, value.image!.data);
        waiting.push(value);
        count = value.index + 1;
      }
      if (count === 0 || (ended && window[window.length - 1]! - OFFLINE_WINDOW_FRAMES + 1 >= count)) break;
      const block = network.takeImages();
      window.forEach((index, i) => {
        block.set(images.get(Math.min(index, count - 1))!, i * length);
      });
      const needed = new Set(window.map((index) => Math.min(index, count - 1)));
      for (const index of images.keys()) if (!needed.has(index)) images.delete(index);
      yield* results(await network.run(block));
    }
    if (count > 0) yield* results(await network.finish());
  } finally {
    for (const { frame } of waiting) frame?.free();
    await source.return?.();
  }
}
