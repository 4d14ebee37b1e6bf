import type { EventLoopUtilization } from 'node:perf_hooks';
import type { Worker } from 'node:worker_threads';
import type { SettledConfig } from '../config/schema.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import { DepthcastError } from '../errors.ts';
import type { MetricSnapshot } from '../metrics/snapshots.ts';
import { startThread } from '../threads.ts';
import {
  type CallAnswer,
  type CallName,
  type CallValue,
  type FromMedia,
  fromPlain,
  type MediaBoot,
  type Opened,
  type OpenRequest,
  type ToMedia,
} from './protocol.ts';
import type { RemoteSession } from './remote-session.ts';
import type { SessionLink } from './remote-stream.ts';

/** It tells once a second; one that is later than this is not idle. */
const HEARD_MS = 2000;
/** A worker that has told nothing for this long has stalled; it tells once a second. */
const STALL_MS = 6000;
const START_MS = 60_000;
/** An orderly end tells every peer; one that takes longer is cut. */
const END_MS = 5000;
/** One that says that it dies has this long to tell its peers. */
const DYING_MS = 2000;
/** Seconds after which somebody may try again whom a dead worker was to serve. */
const RETRY = 1;
/** A newcomer's share of a worker's time as long as it does not show in what is measured, and for how long that is. */
const NEWCOMER = 0.15;
const NEWCOMER_MS = 3000;

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

interface Waiting {
  resolve(value: never): void;
  reject(error: DepthcastError): void;
}

export interface MediaWorkerEvents {
  /** It died or stalled, and is of no more use. Its sessions have been told. */
  lost(reason: string, sessions: readonly RemoteSession[]): void;
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
  readonly #thread: Worker;
  readonly #numberOf: (inferencer: WorkerInferencer) => number;
  readonly #lost: MediaWorkerEvents['lost'];
  readonly #known = new Set<number>();
  readonly #calls = new Map<number, Waiting>();
  /** performance.now() of those who came lately. */
  #newcomers: number[] = [];
  #next = 1;
  #heard = performance.now();
  #started = false;
  #gone = false;
  #ending = false;
  #loop: EventLoopUtilization | undefined;
  #settled: Waiting | undefined;
  readonly #exited: Promise<void>;

  constructor(boot: MediaBoot, numberOf: (inferencer: WorkerInferencer) => number, lost: MediaWorkerEvents['lost']) {
    this.#numberOf = numberOf;
    this.#lost = lost;
    this.#thread = startThread(import.meta.url, './worker', { name: 'media', workerData: boot });
    this.ready = new Promise<void>((resolve, reject) => {
      this.#settled = { resolve, reject };
    });
    this.ready.catch(() => {});
    let crash: string | undefined;
    this.#thread.on('message', (message: FromMedia) => this.#take(message));
    this.#thread.on('error', ({ message }) => {
      crash = message;
    });
    this.#exited = new Promise((resolve) => {
      this.#thread.once('exit', (code) => {
        this.#lose(crash ?? `exit code ${code}`);
        resolve();
      });
    });
  }

  get alive(): boolean {
    return !this.#gone;
  }

  get started(): boolean {
    return this.#started && !this.#gone;
  }

  /**
   * How much it has to do: its utilisation, with what newcomers will ask for; of two that rest, the one with fewer sessions.
   * Without a session it has nothing: what it is still busy with, its own start or a session's end, passes.
   */
  get load(): number {
    const since = performance.now() - NEWCOMER_MS;
    this.#newcomers = this.#newcomers.filter((at) => at > since);
    const rests = this.sessions.size === 0 && performance.now() - this.#heard < HEARD_MS;
    const measured = rests ? 0 : this.utilisation;
    return measured + NEWCOMER * this.#newcomers.length + 0.01 * this.sessions.size;
  }

  /** @throws DepthcastError as Publisher.open and Viewer.open do; MEDIA_WORKER_DIED */
  open(request: OpenRequest): Promise<Opened> {
    // At once: of those that come together not all may choose the same worker.
    if (request.kind === 'publish') this.#newcomers.push(performance.now());
    return this.#ask<Opened>({ case: 'open', value: request });
  }

  call<K extends CallName>(session: string, call: K, value: CallValue<K>): Promise<CallAnswer<K>> {
    return this.#ask<CallAnswer<K>>({ case: 'call', session, call, value });
  }

  metrics(): Promise<MetricSnapshot> {
    return this.#ask<MetricSnapshot>({ case: 'metrics' });
  }

  configure(config: SettledConfig): void {
    this.#post({ case: 'config', value: config });
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
    const { model, device, resamples } = inferencer;
    const port = inferencer.connect();
    this.#post({ case: 'depth', inferencer: number, model, device, resamples, port }, port ? [port] : []);
  }

  /** A depth worker is gone, or hangs. */
  disconnect(number: number): void {
    if (this.#known.has(number)) this.#post({ case: 'depth lost', inferencer: number });
  }

  /** Once a second. @param late ms that the caller was kept from its work, which the worker's messages were too */
  watch(late: number): void {
    if (this.#gone) return;
    const now = performance.now();
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
    this.#post({ case: 'end', reason });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, END_MS);
    });
    await Promise.race([this.#exited, late]);
    clearTimeout(timer);
    await this.#thread.terminate();
  }

  /** Ends the thread as a crash would. For fault tests and for an operator who wants a fresh one. */
  async kill(): Promise<void> {
    await this.#thread.terminate();
  }

  #post(message: ToMedia, transfer: Parameters<Worker['postMessage']>[1] = []): void {
    if (!this.#gone) this.#thread.postMessage(message, transfer);
  }

  #ask<T>(message: WithoutId<Extract<ToMedia, { id: number }>>): Promise<T> {
    if (this.#gone) return Promise.reject(died());
    const id = this.#next++;
    this.#post({ ...message, id } as ToMedia);
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
    });
  }

  #take(message: FromMedia): void {
    if (this.#gone) return;
    this.#heard = performance.now();
    switch (message.case) {
      case 'ready':
        this.#started = true;
        this.#loop = this.#thread.performance.eventLoopUtilization();
        this.#settled?.resolve(undefined as never);
        break;
      case 'done':
      case 'refused': {
        const waiting = this.#calls.get(message.id);
        this.#calls.delete(message.id);
        if (message.case === 'done') waiting?.resolve(message.value as never);
        else waiting?.reject(fromPlain(message.error));
        break;
      }
      case 'session':
        this.sessions.get(message.session)?.take(message.value);
        break;
      case 'views':
        this.cpuSeconds = message.cpuSeconds;
        for (const [id, view] of message.views) this.sessions.get(id)?.look(view);
        break;
      case 'dying':
        this.#lose(message.detail);
        // It ends by itself, unless what it died of keeps it from doing so.
        setTimeout(() => void this.#thread.terminate(), DYING_MS).unref();
    }
  }

  #lose(reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    const error = died();
    this.#settled?.reject(new DepthcastError('MEDIA_WORKER_DIED', { detail: reason }));
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    const sessions = [...this.sessions.values()];
    for (const session of sessions) session.lose(error);
    if (!this.#ending) this.#lost(reason, sessions);
  }
}

export const died = () => new DepthcastError('MEDIA_WORKER_DIED', { retryAfter: RETRY });
