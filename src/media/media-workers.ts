import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { SettledConfig } from '../config/schema.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { InferencerPool } from '../depth/pool.ts';
import { DepthcastError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { added, lasting, type MetricSnapshot } from '../metrics/snapshots.ts';
import type { Admission } from '../session/admission.ts';
import type { MediaWorkerReport, PeerHost, PublisherOptions, ViewerOptions } from '../session/peer-host.ts';
import type { Registry } from '../session/registry.ts';
import type { PublisherSession, Session } from '../session/session.ts';
import { followed } from '../session/session-telemetry.ts';
import { died, MediaWorker } from './media-worker.ts';
import type { Ask, Opened } from './protocol.ts';
import { RemoteSession, WORKER_DIED } from './remote-session.ts';
import { RemoteStream } from './remote-stream.ts';

const WATCH_MS = 1000;
/** Waits before another takes the place of a worker that died; the first is at once. */
const RESTART_DELAYS_MS = [0, 200, 1000, 5000];
/** A worker that lived this long has earned an immediate restart. */
const STABLE_MS = 60_000;
/** A scrape does not wait for a worker that is busy for longer: what it said the last time counts. */
const METRICS_MS = 1000;

export interface MediaContext {
  config: SettledConfig;
  version: string;
  log: Logger;
  metrics: Metrics;
  registry: Registry;
  admission: Pick<Admission, 'reserve' | 'checkWorkers' | 'view'>;
  pool: Pick<InferencerPool, 'get' | 'sizeOf'>;
}

/** A worker beyond the first that nobody has needed for this long ends, where another waits for whoever comes next. */
const SPARE_MS = 300_000;

export interface WorkerCount {
  /** Started at once, and never fewer. */
  first: number;
  /** One more is started when none is without a session, up to this number, and never more than there may be streams. */
  most: number;
  /** ms after which one that nobody needs ends. */
  spareMs?: number;
}

/** One place for a worker; after a worker's death the next one has it. */
interface Place {
  /** Its workers are known by it in metrics. */
  readonly number: number;
  worker: MediaWorker | undefined;
  startedAt: number;
  failures: number;
  snapshot: MetricSnapshot;
}

/**
 * Peers in worker threads, each with its sockets, codecs and event loop. A publisher goes to the worker with the least to do; its
 * viewers go where it is. Streams of the main thread, as of what the server pulls, have their viewers there.
 */
export class MediaWorkers implements PeerHost {
  readonly #context: MediaContext;
  readonly #local: PeerHost;
  #places: Place[] = [];
  readonly #count: Required<WorkerCount>;
  readonly #numbers = new WeakMap<WorkerInferencer, number>();
  #numbered = 0;
  #timer: NodeJS.Timeout | undefined;
  #watchedAt = performance.now();
  /** What workers have counted that are gone. */
  #legacy: Promise<MetricSnapshot> = Promise.resolve([]);
  #closed = false;

  /**
   * @param local has the streams of the main thread
   * @throws DepthcastError MEDIA_WORKER_DIED where the first do not start
   */
  static async start(context: MediaContext, local: PeerHost, count: WorkerCount): Promise<MediaWorkers> {
    const workers = new MediaWorkers(context, local, count);
    try {
      await Promise.all(workers.#places.map(({ worker }) => worker?.ready ?? Promise.reject(died())));
      return workers;
    } catch (thrown) {
      await workers.close('start failed');
      throw thrown;
    }
  }

  private constructor(context: MediaContext, local: PeerHost, count: WorkerCount) {
    this.#context = context;
    this.#local = local;
    this.#count = { spareMs: SPARE_MS, ...count };
    for (let n = 0; n < count.first; n++) this.#addPlace();
    this.#timer = setInterval(() => this.#watch(), WATCH_MS);
    context.metrics.others = () => this.#snapshots();
  }

  get workers(): readonly MediaWorkerReport[] {
    return this.#places.map(({ number, worker }) => ({
      number,
      alive: worker?.started ?? false,
      starting: worker?.alive === true && !worker.started,
      sessions: worker?.sessions.size ?? 0,
      utilisation: worker?.utilisation ?? 0,
      cpuSeconds: worker?.cpuSeconds,
    }));
  }

  /** Ends the worker of a place as a crash would. */
  async kill(place: number): Promise<void> {
    await this.#places[place]?.worker?.kill();
  }

  publish(offer: string, options: PublisherOptions): Promise<PublisherSession> {
    const kind = options.role === 'publish' ? 'whip' : 'ws';
    return followed(this.#context, kind, options.stream, () => this.#publish(offer, options));
  }

  async view(offer: string, name: string, options: ViewerOptions = {}): Promise<Session> {
    const stream = this.#context.registry.streams.find((one) => one.name === name);
    if (stream && !(stream instanceof RemoteStream)) return this.#local.view(offer, name, options);
    return followed(this.#context, 'whep', name, () => this.#view(offer, name, options));
  }

  configure(config: SettledConfig): void {
    for (const { worker } of this.#places) worker?.configure(config);
  }

  async close(reason: string): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all(this.#places.map(({ worker }) => worker?.end(reason)));
    await this.#legacy;
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
      const worker = this.#least();
      const opening = worker.open({
        kind: 'publish',
        offer,
        options: { ...options, size: options.size ?? pool.sizeOf(depth.model) },
        inferencer: worker.introduce(depth),
      });
      this.#keepOneVacant();
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

  /** @throws DepthcastError MEDIA_WORKER_DIED while there is none */
  #least(): MediaWorker {
    const alive = this.#places.filter(({ worker }) => worker?.alive);
    // One that is starting for the first time is as good as one that is up; of one that died who knows.
    const good = alive.filter(({ worker, failures }) => worker!.started || failures === 0);
    const [least] = (good.length > 0 ? good : alive)
      .map(({ worker }) => worker!)
      .toSorted((a, b) => a.load - b.load || Number(b.started) - Number(a.started));
    if (least === undefined) throw died();
    return least;
  }

  /**
   * A thread takes a moment to start, and 65 MiB: one waits for whoever comes next. Not more than one starts at a time: who has only
   * sent an offer, good or bad, does not start several.
   */
  #keepOneVacant(): void {
    const most = Math.min(this.#count.most, this.#context.config.limits.streams);
    if (this.#closed || this.#places.length >= most) return;
    if (this.#places.every(({ worker }) => worker?.started && !worker.vacant)) this.#addPlace();
  }

  #endSpare(): void {
    const { first, spareMs } = this.#count;
    const vacant = this.#places.filter(({ worker }) => worker?.started && worker.vacant);
    if (this.#places.length <= first || vacant.length < 2) return;
    const place = vacant.findLast(({ worker }) => worker!.vacantFor > spareMs);
    if (place === undefined) return;
    const worker = place.worker!;
    this.#places = this.#places.filter((one) => one !== place);
    this.#legacy = this.#legacy.then(async (before) => {
      await this.#scrape(place);
      void worker.end('not needed');
      return added([before, lasting(place.snapshot)]);
    });
  }

  #addPlace(): void {
    const taken = new Set(this.#places.map((place) => place.number));
    let number = 0;
    while (taken.has(number)) number++;
    const place: Place = { number, worker: undefined, startedAt: 0, failures: 0, snapshot: [] };
    this.#places.push(place);
    this.#fill(place);
  }

  #fill(place: Place): void {
    const { config } = this.#context;
    place.startedAt = performance.now();
    try {
      place.worker = new MediaWorker(
        { config },
        (inferencer) => this.#number(inferencer),
        (reason, sessions) => this.#lost(place, reason, sessions),
      );
    } catch (thrown) {
      // The system has no thread to give.
      this.#lost(place, (thrown as Error).message, []);
      return;
    }
    place.worker.ready.then(
      () => this.#keepOneVacant(),
      () => {},
    );
  }

  #lost(place: Place, reason: string, sessions: readonly RemoteSession[]): void {
    const { metrics, log } = this.#context;
    place.worker = undefined;
    if (this.#closed) return;
    place.failures = performance.now() - place.startedAt > STABLE_MS ? 0 : place.failures + 1;
    metrics.mediaWorkerRestarts.inc();
    for (const { kind } of sessions) {
      metrics.sessionEnds.inc({ kind, reason: WORKER_DIED });
      metrics.rejected.inc({ code: 'MEDIA_WORKER_DIED' });
    }
    log.error({ reason, sessions: sessions.length }, 'media worker died, starting another');
    const gone = lasting(place.snapshot);
    place.snapshot = [];
    this.#legacy = this.#legacy.then((before) => added([before, gone]));
    const delay = RESTART_DELAYS_MS[Math.min(Math.max(0, place.failures - 1), RESTART_DELAYS_MS.length - 1)]!;
    setTimeout(() => !this.#closed && this.#fill(place), delay);
  }

  #number(inferencer: WorkerInferencer): number {
    const known = this.#numbers.get(inferencer);
    if (known !== undefined) return known;
    const number = this.#numbered++;
    this.#numbers.set(inferencer, number);
    inferencer.on('restart', () => {
      for (const { worker } of this.#places) worker?.disconnect(number);
    });
    inferencer.on('up', () => {
      for (const { worker } of this.#places) worker?.connect(number, inferencer);
    });
    return number;
  }

  #watch(): void {
    const now = performance.now();
    const late = Math.max(0, now - this.#watchedAt - WATCH_MS);
    this.#watchedAt = now;
    for (const { worker } of this.#places) worker?.watch(late);
    this.#endSpare();
  }

  async #snapshots(): Promise<MetricSnapshot[]> {
    await Promise.all(this.#places.map((place) => this.#scrape(place)));
    return [await this.#legacy, ...this.#places.map(({ snapshot }) => snapshot)].filter(({ length }) => length > 0);
  }

  async #scrape(place: Place): Promise<void> {
    const { worker } = place;
    if (!worker?.started) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), METRICS_MS);
    });
    const snapshot = await Promise.race([worker.metrics(), late]).catch(() => undefined);
    clearTimeout(timer);
    if (snapshot && place.worker === worker) place.snapshot = snapshot;
  }
}
