import { displayRange, ExtremesReader, RangeTracker } from '../depth/range.ts';
import type { NetworkImage } from '../depth/types.ts';
import { DepthcastError } from '../errors.ts';
import { OFFLINE_WINDOW_FRAMES, windowAt } from '../model/offline-windows.ts';
import { startThread } from '../threads.ts';
import { WorkerChannel } from '../worker-channel.ts';
import type { OfflineBoot, OfflineCalls, WindowResult } from './offline-protocol.ts';
import type { OfflineState } from './offline-state.ts';
import type { Prepared } from './prepare.ts';
import type { DepthResult } from './streaming.ts';

/** The near end of the offline network's thread. */
export class OfflineNetwork {
  readonly boot: OfflineBoot;
  readonly #channel: WorkerChannel<OfflineCalls>;
  /** Of frames that no window needs any more. */
  readonly #spares: Float32Array[] = [];
  #images: Float32Array<ArrayBuffer> | undefined;

  constructor(boot: OfflineBoot) {
    this.boot = boot;
    const thread = startThread(import.meta.url, './offline-worker', { name: 'offline depth', workerData: boot });
    this.#channel = new WorkerChannel(thread, 'WORKER_DIED');
  }

  /** Resolves when the network is built and loaded. @throws DepthcastError BAD_OPTION, BAD_CHECKPOINT, BAD_MODEL */
  ready(): Promise<void> {
    return this.#channel.ready;
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

  /** Runs the next window. */
  async run(images: Float32Array<ArrayBuffer>): Promise<WindowResult> {
    this.#images = undefined;
    const result = await this.#channel.request('window', images, [images.buffer]);
    this.#images = result.images;
    return result;
  }

  /** The maps that waited for a next window. */
  finish(): Promise<Float32Array[]> {
    return this.#channel.request('finish', undefined);
  }

  /** A thread inside the network is left to itself until it comes back: it cannot be ended without ending the process. */
  close(): void {
    this.#channel.abandon(new DepthcastError('WORKER_DIED', { detail: 'the offline network is closed' }));
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

  const results = function* (maps: readonly Float32Array[], milliseconds: number): Generator<DepthResult> {
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
      const ran = network.run(block);
      // Where it is not waited for, closing the network rejects it.
      ran.catch(() => {});
      const result = await Promise.race([ran, aborted]);
      if (result === undefined) return;
      yield* results(result.maps, result.milliseconds);
      await way.save({ windows: n + 1, frames: done, time, range: tracker.state, maps: result.state });
    }
    if (count > 0) yield* results(await network.finish(), 0);
  } finally {
    for (const { frame } of waiting) frame?.free();
    await source.return?.();
  }
}
