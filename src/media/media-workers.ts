import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { SettledConfig } from '../config/schema.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { InferencerPool } from '../depth/pool.ts';
import { DepthcastError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Admission } from '../session/admission.ts';
import type {
  MediaWorkerReport,
  PeerHost,
  PublisherOptions,
  SourceOptions,
  ViewerOptions,
} from '../session/peer-host.ts';
import type { Registry } from '../session/registry.ts';
import type { PublisherSession, Session, SourceSession } from '../session/session.ts';
import { followed } from '../session/session-telemetry.ts';
import type { MediaWorker } from './media-worker.ts';
import type { Ask, Opened } from './protocol.ts';
import { RemoteSession } from './remote-session.ts';
import { RemoteSource } from './remote-source.ts';
import { RemoteStream } from './remote-stream.ts';
import { type WorkerCount, WorkerPlaces } from './worker-places.ts';

export interface MediaContext {
  config: SettledConfig;
  version: string;
  log: Logger;
  metrics: Metrics;
  registry: Registry;
  admission: Pick<Admission, 'reserve' | 'checkWorkers' | 'view'>;
  pool: Pick<InferencerPool, 'get' | 'sizeOf'>;
}

/**
 * Peers and streams in worker threads, each with its sockets, codecs and event loop. A publisher, or a source, goes to the worker with the
 * least to do; its viewers go where it is.
 */
export class MediaWorkers implements PeerHost {
  readonly #context: MediaContext;
  readonly #places: WorkerPlaces;

  /**
   * @throws DepthcastError MEDIA_WORKER_DIED where the first do not start
   */
  static async start(context: MediaContext, count: WorkerCount): Promise<MediaWorkers> {
    const places = new WorkerPlaces(context, count);
    try {
      await places.ready;
      return new MediaWorkers(context, places);
    } catch (thrown) {
      await places.close('start failed');
      throw thrown;
    }
  }

  private constructor(context: MediaContext, places: WorkerPlaces) {
    this.#context = context;
    this.#places = places;
    context.metrics.others = () => places.snapshots();
  }

  get workers(): readonly MediaWorkerReport[] {
    return this.#places.reports;
  }

  /** Ends the worker of a place as a crash would. */
  kill(place: number): Promise<void> {
    return this.#places.kill(place);
  }

  publish(offer: string, options: PublisherOptions): Promise<PublisherSession> {
    const kind = options.role === 'publish' ? 'whip' : 'ws';
    return followed(this.#context, kind, options.stream, () => this.#publish(offer, options));
  }

  view(offer: string, name: string, options: ViewerOptions = {}): Promise<Session> {
    return followed(this.#context, 'whep', name, () => this.#view(offer, name, options));
  }

  async host(options: SourceOptions): Promise<SourceSession> {
    const { pool, config } = this.#context;
    const inferencer = await pool.get(options.model);
    // At once, as of a publisher.
    inferencer.guests++;
    try {
      const worker = this.#places.least();
      const hosting = worker.host({
        options: { ...options, size: options.size ?? pool.sizeOf(inferencer.model) },
        inferencer: worker.introduce(inferencer),
      });
      this.#places.keepOneVacant();
      const hosted = await hosting;
      const { name, upsampling = config.output.upsampling } = options;
      const still = options.still ? 'on' : 'off';
      const source = new RemoteSource(worker, hosted, { name, unlisted: false, upsampling, still, inferencer });
      worker.sources.set(source.id, source);
      source.once('closed', () => worker.sources.delete(source.id));
      return source;
    } catch (thrown) {
      inferencer.guests--;
      throw thrown;
    }
  }

  configure(config: SettledConfig): void {
    this.#places.configure(config);
  }

  close(reason: string): Promise<void> {
    return this.#places.close(reason);
  }

  async #publish(offer: string, options: PublisherOptions): Promise<PublisherSession> {
    const { admission, pool, config } = this.#context;
    const name = options.stream ?? randomBytes(16).toString('base64url');
    const place = admission.reserve(name);
    let inferencer: WorkerInferencer | undefined;
    try {
      admission.checkWorkers(options.model);
      inferencer = await pool.get(options.model);
      // At once, so that the depth worker counts this stream before it is offered to the next.
      inferencer.guests++;
      const depth = inferencer;
      const worker = this.#places.least();
      const opening = worker.open({
        kind: 'publish',
        offer,
        options: { ...options, size: options.size ?? pool.sizeOf(depth.model) },
        inferencer: worker.introduce(depth),
      });
      this.#places.keepOneVacant();
      const opened = await opening;
      const { upsampling = config.output.upsampling } = options;
      const unlisted = options.stream === undefined;
      const still = config.depth.still === 'on' ? 'on' : 'off';
      const known = { name, unlisted, upsampling, still, inferencer: depth, view: opened.view.stream! } as const;
      const session = this.#add(worker, opened, (ask, end) => new RemoteStream(worker, ask, end, known));
      session.once('closed', place.free);
      place.filled(session.stream);
      if (session.closed) place.free();
      return session;
    } catch (thrown) {
      if (inferencer) inferencer.guests--;
      place.free();
      throw thrown;
    }
  }

  async #view(offer: string, name: string, options: ViewerOptions): Promise<Session> {
    const { stream, leave } = this.#context.admission.view(name);
    try {
      if (!(stream instanceof RemoteStream)) throw new DepthcastError('NO_PUBLISHER', { detail: name, retryAfter: 1 });
      const worker = stream.link as MediaWorker;
      const opened = await worker.open({ kind: 'view', offer, name, options });
      const session = this.#add(worker, opened, () => stream);
      session.once('closed', leave);
      if (session.closed) leave();
      return session;
    } catch (thrown) {
      leave();
      throw thrown;
    }
  }

  #add(
    worker: MediaWorker,
    opened: Opened,
    streamOf: (ask: Ask, end: (reason: string) => void) => RemoteStream,
  ): RemoteSession {
    const session = new RemoteSession(worker, opened, streamOf);
    if (session.closed) return session;
    worker.sessions.set(session.id, session);
    session.once('closed', () => worker.sessions.delete(session.id));
    this.#context.registry.add(session);
    return session;
  }
}
