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
  #facts: InferencerFacts;
  readonly #streams = new Map<number, WorkerStream>();
  #channel: DepthChannel | undefined;
  #next = 0;

  constructor(facts: InferencerFacts) {
    this.#facts = facts;
  }

  get model(): ModelManifest {
    return this.#facts.model;
  }

  get device(): string {
    return this.#facts.device;
  }

  get resamples(): boolean {
    return this.#facts.resamples;
  }

  get usesCamera(): boolean {
    return this.#facts.usesCamera;
  }

  /**
   * @param port of {@link WorkerInferencer.connect}
   * @param facts as they are now: a worker that was started again may have had to do without its device
   */
  connect(port: MessagePort, facts: InferencerFacts): void {
    this.lose();
    this.#facts = facts;
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
