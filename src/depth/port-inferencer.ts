import type { MessagePort } from 'node:worker_threads';
import { DepthcastError } from '../errors.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { WorkerChannel } from '../worker-channel.ts';
import type { Inferencer, InferencerFacts, InferenceStream, OpenOptions } from './types.ts';
import type { DepthCalls, DepthChannel, WorkerReady } from './worker-protocol.ts';
import { WorkerStream } from './worker-stream.ts';

/**
 * A depth worker as another thread sees it than the one that started it: by ports, of which each worker that takes a dead one's place
 * needs a new one. Streams outlast their workers, with new epochs.
 */
export class PortInferencer implements Inferencer {
  readonly model: ModelManifest;
  readonly device: string;
  readonly resamples: boolean;
  readonly usesCamera: boolean;
  readonly #streams = new Map<number, WorkerStream>();
  #channel: DepthChannel | undefined;
  #next = 0;

  constructor({ model, device, resamples, usesCamera }: InferencerFacts) {
    this.model = model;
    this.device = device;
    this.resamples = resamples;
    this.usesCamera = usesCamera;
  }

  /** @param port of {@link WorkerInferencer.connect} */
  connect(port: MessagePort): void {
    this.lose();
    const channel: DepthChannel = new WorkerChannel<DepthCalls, WorkerReady>(port, 'WORKER_DIED');
    this.#channel = channel;
    void channel.gone.then(() => {
      if (this.#channel === channel) this.lose();
    });
  }

  /** The worker is gone, or hangs. */
  lose(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    this.#channel = undefined;
    channel.abandon(new DepthcastError('WORKER_DIED'));
    for (const stream of this.#streams.values()) stream.workerDied();
  }

  open(options: OpenOptions = {}): InferenceStream {
    const id = this.#next++;
    const stream = new WorkerStream(id, this.model, options, {
      channel: () => this.#channel,
      closed: () => this.#streams.delete(id),
    });
    this.#streams.set(id, stream);
    return stream;
  }

  async close(): Promise<void> {
    for (const stream of [...this.#streams.values()]) stream.close();
    await this.#channel?.end();
    this.#channel = undefined;
  }
}
