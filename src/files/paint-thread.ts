import { startThread } from '../threads.ts';
import { WorkerChannel } from '../worker-channel.ts';
import type { PaintAnswer, PaintBoot, PaintCalls, PaintRequest } from './paint-protocol.ts';

/** The near end of the painting thread. */
export class PaintThread {
  readonly #channel: WorkerChannel<PaintCalls>;

  constructor(boot: PaintBoot) {
    const thread = startThread(import.meta.url, './paint-worker', { name: 'painter', workerData: boot });
    this.#channel = new WorkerChannel(thread, 'INTERNAL');
  }

  /** @throws DepthcastError DISK_FULL, BAD_OPTION, BAD_ARRAY */
  open(): Promise<void> {
    return this.#channel.ready;
  }

  /** @throws DepthcastError DISK_FULL */
  paint(request: PaintRequest): Promise<PaintAnswer> {
    const memory = [request.values, request.shades?.data, request.guide, request.picture, request.map].filter(
      (one) => one !== undefined,
    );
    return this.#channel.request(
      'paint',
      request,
      memory.map((one) => one.buffer),
    );
  }

  /** Closes the archive as well as it can, and ends the thread. @throws DepthcastError DISK_FULL */
  async finish(): Promise<void> {
    await this.#channel.request('finish', undefined).finally(() => this.#channel.end());
  }
}
