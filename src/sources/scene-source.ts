import type { Worker } from 'node:worker_threads';
import { y4mFrameSize } from '../scene/y4m.ts';
import type { FrameSource, SourceListener } from '../stream/frame-source.ts';
import { rawPicture } from '../video/index.ts';
import { type SceneBoot, type SceneJob, startSceneThread } from '../video/scene-thread.ts';

export interface SceneSourceOptions extends SceneBoot {
  /** Asked before each picture; nothing is rendered while it says no. */
  wanted?: () => boolean;
  onError(error: Error): void;
}

/** A synthetic scene as a live source, rendered in a thread of its own. For demos, load tests and benchmarks. */
export class SceneSource implements FrameSource {
  readonly codec = 'scene';
  readonly #options: SceneSourceOptions;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #listener: SourceListener | undefined;
  #startedAt = 0;

  constructor(options: SceneSourceOptions) {
    this.#options = options;
    this.#buffer = new Uint8Array(y4mFrameSize(options.width, options.height));
  }

  start(listener: SourceListener): void {
    this.#listener = listener;
    const { fps } = this.#options;
    this.#worker = startSceneThread(this.#options);
    this.#worker.on('message', (job: SceneJob) => this.#deliver(job));
    this.#worker.on('error', (error) => this.#options.onError(error));
    this.#startedAt = performance.now();
    this.#timer = setInterval(() => this.#ask(), 1000 / fps);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listener = undefined;
    void this.#worker?.terminate();
  }

  /** One picture under way at a time: a slow renderer lowers the frame rate, nothing piles up. */
  #ask(): void {
    const buffer = this.#buffer;
    if (buffer === undefined || this.#options.wanted?.() === false) return;
    this.#buffer = undefined;
    const frame = Math.floor(((performance.now() - this.#startedAt) / 1000) * this.#options.fps);
    this.#worker?.postMessage({ frame, buffer } satisfies SceneJob, [buffer.buffer]);
  }

  #deliver({ frame, buffer }: SceneJob): void {
    this.#buffer = buffer;
    const { width, height, fps } = this.#options;
    const rtpTimestamp = Math.round((frame * 90_000) / fps) >>> 0;
    const planes = buffer.subarray(buffer.length - planesSize(width, height));
    this.#listener?.picture(rawPicture(planes, width, height, rtpTimestamp), { assemble: 0, decode: 0 });
  }
}

const planesSize = (width: number, height: number): number =>
  width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);
