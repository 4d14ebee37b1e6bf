import { y4mFrameSize } from '../scene/y4m.ts';
import type { FrameSource, SourceListener } from '../stream/frame-source.ts';
import { rawPicture } from '../video/index.ts';
import { type SceneBoot, type SceneCalls, startSceneThread } from '../video/scene-thread.ts';
import type { WorkerChannel } from '../worker-channel.ts';

export interface SceneSourceOptions extends SceneBoot {
  /** Asked before each picture; nothing is rendered while it says no. */
  wanted?: () => boolean;
  onError(error: Error): void;
}

/** A synthetic scene as a live source, rendered in a thread of its own. For demos, load tests and benchmarks. */
export class SceneSource implements FrameSource {
  readonly codec = 'scene';
  readonly #options: SceneSourceOptions;
  #thread: WorkerChannel<SceneCalls> | undefined;
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
    this.#thread = startSceneThread(this.#options);
    this.#startedAt = performance.now();
    this.#timer = setInterval(() => void this.#ask(), 1000 / fps);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listener = undefined;
    void this.#thread?.end();
  }

  /** One picture under way at a time: a slow renderer lowers the frame rate, nothing piles up. */
  async #ask(): Promise<void> {
    const buffer = this.#buffer;
    if (!this.#thread || buffer === undefined || this.#options.wanted?.() === false) return;
    this.#buffer = undefined;
    const frame = Math.floor(((performance.now() - this.#startedAt) / 1000) * this.#options.fps);
    try {
      const rendered = await this.#thread.request('render', { frame, buffer }, [buffer.buffer]);
      this.#deliver(frame, rendered.buffer);
    } catch (thrown) {
      if (this.#listener) this.#options.onError(thrown as Error);
    }
  }

  #deliver(frame: number, buffer: Uint8Array<ArrayBuffer>): void {
    this.#buffer = buffer;
    const { width, height, fps } = this.#options;
    const rtpTimestamp = Math.round((frame * 90_000) / fps) >>> 0;
    const planes = buffer.subarray(buffer.length - planesSize(width, height));
    this.#listener?.picture(rawPicture(planes, width, height, rtpTimestamp), { assemble: 0, decode: 0 });
  }
}

const planesSize = (width: number, height: number): number =>
  width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);
