import type { EventLoopUtilization } from 'node:perf_hooks';
import type { Worker } from 'node:worker_threads';
import type { SettledConfig } from '../config/schema.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import { DepthcastError } from '../errors.ts';
import type { MetricSnapshot } from '../metrics/snapshots.ts';
import { startThread } from '../threads.ts';
import { WorkerChannel } from '../worker-channel.ts';
import { Newcomers } from './newcomers.ts';
import type {
  CallAnswer,
  CallName,
  CallValue,
  Hosted,
  HostRequest,
  MediaBoot,
  MediaCalls,
  MediaNews,
  Opened,
  OpenRequest,
  SessionCall,
} from './protocol.ts';
import type { RemoteSession } from './remote-session.ts';
import type { RemoteSource } from './remote-source.ts';
import { died, type SessionLink } from './session-link.ts';

/** It tells once a second; one that is later than this is not idle. */
const HEARD_MS = 2000;
/** A worker that has told nothing for this long has stalled; it tells once a second. */
const STALL_MS = 6000;
const START_MS = 60_000;
/** An orderly end tells every peer; one that takes longer is cut. */
const END_MS = 5000;
/** One that says that it dies has this long to tell its peers. */
const DYING_MS = 2000;
/**
 * Of V8's young generation, whose collections free the buffers of packets. Until then these count as growth of the old one, and a larger
 * young generation, V8's default, is full so seldom that the whole heap is marked instead, every seven seconds for a stream.
 */
const YOUNG_MEBIBYTES = 12;

export interface MediaWorkerEvents {
  /** It died or stalled, and is of no more use. Its sessions, and so many sources, have been told. */
  lost(reason: string, sessions: readonly RemoteSession[], sources: number): void;
}

/** The main thread's end of one media worker. */
export class MediaWorker implements SessionLink {
  /** Rejects with what kept it from starting. */
  readonly ready: Promise<void>;
  /** Share of the last second in which it was at work. */
  utilisation = 0;
  /** Of its thread since it began; undefined where the system does not tell. */
  cpuSeconds: number | undefined;
  readonly sessions = new Map<string, RemoteSession>();
  /** Streams that nobody publishes. */
  readonly sources = new Map<string, RemoteSource>();
  readonly #thread: Worker;
  readonly #channel: WorkerChannel<MediaCalls, void, MediaNews>;
  readonly #numberOf: (inferencer: WorkerInferencer) => number;
  readonly #lost: MediaWorkerEvents['lost'];
  readonly #known = new Set<number>();
  readonly #newcomers = new Newcomers();
  #heard = performance.now();
  /** performance.now() when somebody was there last, as `watch` saw it. */
  #neededAt = performance.now();
  #started = false;
  /** Why it is of no more use. */
  #lostBy: string | undefined;
  #ending = false;
  #loop: EventLoopUtilization | undefined;

  constructor(boot: MediaBoot, numberOf: (inferencer: WorkerInferencer) => number, lost: MediaWorkerEvents['lost']) {
    this.#numberOf = numberOf;
    this.#lost = lost;
    this.#thread = startThread(import.meta.url, './worker', {
      name: 'media',
      workerData: boot,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEBIBYTES },
    });
    // Whatever comes is a sign of life.
    this.#thread.on('message', () => {
      this.#heard = performance.now();
    });
    this.#channel = new WorkerChannel(this.#thread, 'MEDIA_WORKER_DIED', {
      told: (news) => this.#take(news),
      lost: (error) => this.#lose(error.detail ?? ''),
    });
    this.ready = this.#channel.ready.then(
      () => {
        this.#started = true;
        this.#loop = this.#thread.performance.eventLoopUtilization();
      },
      (error: DepthcastError) => {
        throw new DepthcastError('MEDIA_WORKER_DIED', { detail: this.#lostBy ?? error.message });
      },
    );
    this.ready.catch(() => {});
  }

  get alive(): boolean {
    return this.#lostBy === undefined;
  }

  get started(): boolean {
    return this.#started && this.alive;
  }

  /**
   * How much it has to do: its utilisation, with what newcomers will ask for; of two that rest, the one with fewer sessions.
   * Without a session it has nothing: what it is still busy with, its own start or a session's end, passes.
   */
  get load(): number {
    const rests = this.#hosted === 0 && performance.now() - this.#heard < HEARD_MS;
    const measured = rests ? 0 : this.utilisation;
    return measured + this.#newcomers.share(this.#hosted) + 0.01 * this.#hosted;
  }

  /** Nobody and nothing is there, and nobody came lately. */
  get vacant(): boolean {
    return this.#hosted === 0 && this.#newcomers.none;
  }

  /** ms for which nobody was there. */
  get vacantFor(): number {
    return this.vacant ? performance.now() - this.#neededAt : 0;
  }

  /** @throws DepthcastError as Publisher.open and Viewer.open do; MEDIA_WORKER_DIED */
  open(request: OpenRequest): Promise<Opened> {
    const asked = () => this.#channel.request('open', request);
    return request.kind === 'view' ? asked() : this.#newcomers.enter(asked);
  }

  /** @throws DepthcastError as LocalSource.open does; MEDIA_WORKER_DIED */
  host(request: HostRequest): Promise<Hosted> {
    return this.#newcomers.enter(() => this.#channel.request('host', request));
  }

  call<K extends CallName>(session: string, call: K, value: CallValue<K>): Promise<CallAnswer<K>> {
    return this.#channel.request('call', { session, call, value } as SessionCall) as Promise<CallAnswer<K>>;
  }

  metrics(): Promise<MetricSnapshot> {
    return this.#channel.request('metrics', undefined);
  }

  configure(config: SettledConfig): void {
    this.#channel.notify('configure', config);
  }

  introduce(inferencer: WorkerInferencer): number {
    const number = this.#numberOf(inferencer);
    if (!this.#known.has(number)) {
      this.#known.add(number);
      this.connect(number, inferencer);
    }
    return number;
  }

  /** A depth worker that it may know has been started again. */
  connect(number: number, inferencer: WorkerInferencer): void {
    if (!this.#known.has(number)) return;
    const { model, device, resamples, usesCamera } = inferencer;
    const port = inferencer.connect();
    const worker = { inferencer: number, model, device, resamples, usesCamera, port };
    this.#channel.notify('depth', worker, port ? [port] : []);
  }

  /** A depth worker is gone, or hangs. */
  disconnect(number: number): void {
    if (this.#known.has(number)) this.#channel.notify('depthLost', number);
  }

  /** Once a second. @param late ms that the caller was kept from its work, which the worker's messages were too */
  watch(late: number): void {
    if (!this.alive) return;
    const now = performance.now();
    if (!this.vacant) this.#neededAt = now;
    this.#heard += late;
    const { performance: its } = this.#thread;
    const loop = its.eventLoopUtilization();
    // Not what its start took.
    if (this.#loop) this.utilisation = its.eventLoopUtilization(loop, this.#loop).utilization;
    if (this.#started) this.#loop = loop;
    if (now - this.#heard < (this.#started ? STALL_MS : START_MS)) return;
    this.#lose(this.#started ? `nothing was heard of it for ${STALL_MS / 1000} s` : 'it did not start in time');
    // Codec calls run on the thread itself, so that it may be cut anywhere.
    void this.#thread.terminate();
  }

  /** Ends its sessions, then the thread. */
  async end(reason: string): Promise<void> {
    this.#ending = true;
    // One that is still starting would hear it too late.
    if (!this.#started) {
      await this.#thread.terminate();
      return;
    }
    this.#channel.notify('end', reason);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, END_MS);
    });
    await Promise.race([this.#channel.gone, late]);
    clearTimeout(timer);
    await this.#thread.terminate();
  }

  /** Ends the thread as a crash would. For fault tests and for an operator who wants a fresh one. */
  async kill(): Promise<void> {
    await this.#thread.terminate();
  }

  get #hosted(): number {
    return this.sessions.size + this.sources.size;
  }

  #find(id: string): RemoteSession | RemoteSource | undefined {
    return this.sessions.get(id) ?? this.sources.get(id);
  }

  #take(news: MediaNews): void {
    switch (news.case) {
      case 'session':
        this.#find(news.session)?.take(news.value);
        break;
      case 'views':
        this.cpuSeconds = news.cpuSeconds;
        for (const [id, view] of news.views) this.#find(id)?.look(view);
        break;
      case 'dying':
        this.#lose(news.detail);
        // It ends by itself, unless what it died of keeps it from doing so.
        setTimeout(() => void this.#thread.terminate(), DYING_MS).unref();
    }
  }

  #lose(reason: string): void {
    if (!this.alive) return;
    this.#lostBy = reason;
    const error = died();
    this.#channel.fail(error);
    const sessions = [...this.sessions.values()];
    for (const session of sessions) session.lose(error);
    const sources = [...this.sources.values()];
    for (const source of sources) source.lose(error);
    if (!this.#ending) this.#lost(reason, sessions, sources.length);
  }
}
