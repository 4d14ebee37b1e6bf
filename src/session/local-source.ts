import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Inferencer } from '../depth/types.ts';
import { type DepthcastError, toDepthcastError } from '../errors.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { PulledSource, type PulledStatus } from '../sources/pull/pulled-source.ts';
import { SceneSource } from '../sources/scene-source.ts';
import type { FrameSource } from '../stream/frame-source.ts';
import { LiveStream } from '../stream/live-stream.ts';
import type { SourceOptions } from './peer-host.ts';
import type { ServerContext } from './server-context.ts';
import type { SourceEvents, SourceSession } from './session.ts';

/** How often a stream's counters are read, as those of publishers are. */
const REPORT_MS = 1000;

export type SourceContext = Pick<ServerContext, 'config' | 'metrics'> & {
  pool: { get(model: string | undefined): Promise<Inferencer>; sizeOf(model: ModelManifest): number };
};

/** A stream of the calling thread that nobody publishes: its pictures are rendered, or pulled. */
export class LocalSource extends EventEmitter<SourceEvents> implements SourceSession {
  readonly id = randomBytes(16).toString('base64url');
  readonly stream: LiveStream;
  readonly #pulled: PulledSource | undefined;
  readonly #source: FrameSource;
  #error: DepthcastError | undefined;

  private constructor(stream: LiveStream, { origin }: SourceOptions) {
    super();
    this.stream = stream;
    if (origin.kind === 'pull') this.#source = this.#pulled = this.#pull(origin.settings);
    else {
      const wanted = () => stream.watched;
      const onError = (error: Error) => this.close('scene failed', toDepthcastError(error));
      this.#source = new SceneSource({ ...origin, wanted, onError });
    }
    const timer = setInterval(() => stream.stats.report(0), REPORT_MS);
    stream.on('trouble', (error, about) => this.emit('trouble', error, about));
    stream.once('closed', (reason) => {
      clearInterval(timer);
      this.emit('closed', reason, this.#error);
    });
  }

  /** @throws DepthcastError MODEL_NOT_FOUND, BAD_SIZE */
  static async open({ config, metrics, pool }: SourceContext, options: SourceOptions): Promise<LocalSource> {
    const { name, camera, still, upsampling = config.output.upsampling } = options;
    const inferencer = await pool.get(options.model);
    // At once, so that the depth worker counts this stream before it is offered to the next.
    const size = options.size ?? pool.sizeOf(inferencer.model);
    const stream = new LiveStream({ name, inferencer, size, metrics, depth: config.depth, upsampling, still });
    if (camera) stream.setCamera(camera);
    return new LocalSource(stream, options);
  }

  get status(): PulledStatus | undefined {
    return this.#pulled?.status;
  }

  start(): void {
    if (this.stream.closed || this.stream.source) return;
    try {
      this.stream.attach(this.#source);
    } catch (thrown) {
      this.close('refused', toDepthcastError(thrown));
    }
  }

  close(reason: string, error?: DepthcastError): void {
    this.#error ??= error;
    this.stream.close(reason);
  }

  #pull(settings: ConstructorParameters<typeof PulledSource>[0]): PulledSource {
    return new PulledSource(settings, {
      onLive: (status) => this.emit('live', status),
      onLost: (error, retryMs) => this.emit('lost', error, retryMs),
    });
  }
}
