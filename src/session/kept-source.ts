import { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import { type DepthcastError, toDepthcastError } from '../errors.ts';
import { RetryDelay } from '../retry-delay.ts';
import type { PulledStatus } from '../sources/pull/pulled-source.ts';
import type { PeerHost, SourceOptions } from './peer-host.ts';
import type { Registry } from './registry.ts';
import type { SessionStream, SourceEvents, SourceSession } from './session.ts';

/** ms before a new attempt, at most. */
const MAX_WAIT_MS = 30_000;

export interface KeptContext {
  log: Logger;
  peers: Pick<PeerHost, 'host'>;
  registry: Pick<Registry, 'draining'>;
}
type Place = ReturnType<Registry['reserve']>;
type Counts = Pick<PulledStatus, 'connections' | 'pictures' | 'skipped'>;

type KeptEvents = Omit<SourceEvents, 'trouble'> & {
  /** It was lost, and has begun in another media worker. */
  again: [];
};

/**
 * A stream that nobody publishes, under its name until it is closed: where its media worker dies, it begins again in another, with what was
 * set of it meanwhile, and is lost until then.
 */
export class KeptSource extends EventEmitter<KeptEvents> {
  readonly #context: KeptContext;
  readonly #place: Place;
  #options: SourceOptions;
  #session: SourceSession;
  /** performance.now() when it began. */
  #since = performance.now();
  readonly #delay = new RetryDelay(MAX_WAIT_MS);
  /** While its media worker is gone: why, and the next attempt. */
  #away: { error: DepthcastError; retryAt: number; timer: NodeJS.Timeout | undefined } | undefined;
  /** Of its sessions before. */
  #past: Counts = { connections: 0, pictures: 0, skipped: 0 };
  #closed = false;
  /** What ended it. */
  #error: DepthcastError | undefined;
  /** A media worker is being asked for its stream, and may have taken the name. */
  #hosting = false;

  /**
   * @param place its name's, which it gives back when it ends
   * @throws DepthcastError as PeerHost.host does; the place is the caller's then
   */
  static async open(context: KeptContext, options: SourceOptions, place: Place): Promise<KeptSource> {
    return new KeptSource(context, options, place, await context.peers.host(options));
  }

  private constructor(context: KeptContext, options: SourceOptions, place: Place, session: SourceSession) {
    super();
    this.#context = context;
    this.#options = options;
    this.#place = place;
    this.#session = session;
  }

  /** Begins, once whoever opened it listens. @throws DepthcastError what ended it at once */
  start(): void {
    this.#follow(this.#session);
    if (this.#error) throw this.#error;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The last where its media worker is gone. */
  get stream(): SessionStream {
    return this.#session.stream;
  }

  /** Of a source that is pulled. */
  get status(): PulledStatus | undefined {
    const { status } = this.#session;
    if (status === undefined) return undefined;
    if (!this.#away) return { ...status, ...sum(this.#past, status) };
    const { error, retryAt } = this.#away;
    const { code, message } = error;
    const retryInSeconds = Math.max(0, Math.round((retryAt - performance.now()) / 100) / 10);
    return { ...status, ...this.#past, state: 'waiting', problem: { code, message }, retryInSeconds };
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#session.close(reason);
    this.#end(reason, undefined);
  }

  #follow(session: SourceSession): void {
    const { name } = this.#options;
    this.#session = session;
    this.#since = performance.now();
    session.on('live', () => this.emit('live', this.status!));
    session.on('lost', (error, retryMs) => this.emit('lost', error, retryMs));
    session.on('trouble', ({ code, message }) => this.#context.log.debug({ stream: name, code }, message));
    session.once('closed', (reason, error) => {
      if (this.#closed) return;
      if (error?.code === 'MEDIA_WORKER_DIED' && !this.#context.registry.draining) this.#lose(error);
      else this.#end(reason, error);
    });
    this.#place.filled(session.stream);
    session.start();
  }

  #lose(error: DepthcastError): void {
    const { status, stream } = this.#session;
    if (status) this.#past = sum(this.#past, status);
    this.#place.emptied((reason) => this.close(reason));
    const { model, upsampling, size, still, cameraSettings: camera = this.#options.camera } = stream;
    this.#options = { ...this.#options, model, upsampling, size: size.asked, still: still === 'on', camera };
    this.#wait(error, this.#since);
  }

  /** @param upSince performance.now() since when it was up; undefined where the attempt failed */
  #wait(error: DepthcastError, upSince: number | undefined): void {
    const wait = this.#delay.next(upSince);
    const timer = setTimeout(() => void this.#again(), wait);
    this.#away = { error, retryAt: performance.now() + wait, timer };
    this.emit('lost', error, wait);
  }

  async #again(): Promise<void> {
    if (this.#context.registry.draining) {
      this.#end('draining', undefined);
      return;
    }
    let session: SourceSession | undefined;
    let error: unknown;
    this.#hosting = true;
    try {
      session = await this.#context.peers.host(this.#options);
    } catch (thrown) {
      error = thrown;
    }
    this.#hosting = false;
    if (this.#closed) {
      session?.close('not needed');
      this.#place.free();
      return;
    }
    if (session === undefined) {
      this.#wait(toDepthcastError(error), undefined);
      return;
    }
    this.#away = undefined;
    const { range, layout } = this.stream;
    if (range !== 'auto') session.stream.setRange(range);
    session.stream.layout = layout;
    this.#follow(session);
    if (!this.#closed) this.emit('again');
  }

  #end(reason: string, error: DepthcastError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    clearTimeout(this.#away?.timer);
    // Until the worker that is asked has answered, it would refuse a publisher of the name.
    if (!this.#hosting) this.#place.free();
    this.emit('closed', reason, error);
  }
}

const sum = (a: Counts, b: Counts): Counts => ({
  connections: a.connections + b.connections,
  pictures: a.pictures + b.pictures,
  skipped: a.skipped + b.skipped,
});
