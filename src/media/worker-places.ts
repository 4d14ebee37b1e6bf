import type { Logger } from 'pino';
import type { SettledConfig } from '../config/schema.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { added, lasting, type MetricSnapshot } from '../metrics/snapshots.ts';
import type { MediaWorkerReport } from '../session/peer-host.ts';
import { MediaWorker } from './media-worker.ts';
import type { RemoteSession } from './remote-session.ts';
import { died, WORKER_DIED } from './session-link.ts';

const WATCH_MS = 1000;
/** Waits before another takes the place of a worker that died; the first is at once. */
const RESTART_DELAYS_MS = [0, 200, 1000, 5000];
/** A worker that lived this long has earned an immediate restart. */
const STABLE_MS = 60_000;
/** A scrape does not wait for a worker that is busy for longer: what it said the last time counts. */
const METRICS_MS = 1000;
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

interface Context {
  config: SettledConfig;
  log: Logger;
  metrics: Metrics;
}

/**
 * The media workers of a server: as many as its streams want, started, watched, replaced when they die, ended when nobody needs them, and what
 * they have counted.
 */
export class WorkerPlaces {
  /** Rejects where one of the first does not start. */
  readonly ready: Promise<unknown>;
  readonly #context: Context;
  #places: Place[] = [];
  readonly #count: Required<WorkerCount>;
  readonly #numbers = new WeakMap<WorkerInferencer, number>();
  #numbered = 0;
  readonly #timer: NodeJS.Timeout;
  #watchedAt = performance.now();
  /** What workers have counted that are gone. */
  #legacy: Promise<MetricSnapshot> = Promise.resolve([]);
  #closed = false;
  /** Ends of workers that are not among the places any more. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(context: Context, count: WorkerCount) {
    this.#context = context;
    this.#count = { spareMs: SPARE_MS, ...count };
    for (let n = 0; n < count.first; n++) this.#addPlace();
    this.#timer = setInterval(() => this.#watch(), WATCH_MS);
    this.ready = Promise.all(this.#places.map(({ worker }) => worker?.ready ?? Promise.reject(died())));
  }

  get reports(): readonly MediaWorkerReport[] {
    return this.#places.map(({ number, worker }) => ({
      number,
      alive: worker?.started ?? false,
      starting: worker?.alive === true && !worker.started,
      sessions: worker?.sessions.size ?? 0,
      sources: worker?.sources.size ?? 0,
      utilisation: worker?.utilisation ?? 0,
      cpuSeconds: worker?.cpuSeconds,
    }));
  }

  /** Ends the worker of a place as a crash would. */
  async kill(place: number): Promise<void> {
    await this.#places[place]?.worker?.kill();
  }

  configure(config: SettledConfig): void {
    for (const { worker } of this.#places) worker?.configure(config);
  }

  async close(reason: string): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all([...this.#places.map(({ worker }) => worker?.end(reason)), ...this.#leaving]);
  }

  /** @throws DepthcastError MEDIA_WORKER_DIED while there is none */
  least(): MediaWorker {
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
  keepOneVacant(): void {
    const most = Math.min(this.#count.most, this.#context.config.limits.streams);
    if (this.#closed || this.#places.length >= most) return;
    if (this.#places.every(({ worker }) => worker?.started && !worker.vacant)) this.#addPlace();
  }

  /** Of several that wait for whoever comes next, one that has waited for long. */
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
      return added([before, lasting(place.snapshot)]);
    });
    const ended = this.#legacy.then(() => worker.end('not needed'));
    this.#leaving.add(ended);
    void ended.finally(() => this.#leaving.delete(ended));
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
        (...loss) => this.#lost(place, ...loss),
      );
    } catch (thrown) {
      // The system has no thread to give.
      this.#lost(place, (thrown as Error).message, [], 0);
      return;
    }
    place.worker.ready.then(
      () => this.keepOneVacant(),
      () => {},
    );
  }

  #lost(place: Place, reason: string, sessions: readonly RemoteSession[], sources: number): void {
    const { metrics, log } = this.#context;
    place.worker = undefined;
    // A spare one, which was to end anyway, has no successor.
    if (this.#closed || !this.#places.includes(place)) return;
    place.failures = performance.now() - place.startedAt > STABLE_MS ? 0 : place.failures + 1;
    metrics.mediaWorkerRestarts.inc();
    for (const { kind } of sessions) {
      metrics.sessionEnds.inc({ kind, reason: WORKER_DIED });
      metrics.rejected.inc({ code: 'MEDIA_WORKER_DIED' });
    }
    log.error({ reason, sessions: sessions.length, sources }, 'media worker died, starting another');
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

  /** The numbers of all, and of those that are gone. */
  async snapshots(): Promise<MetricSnapshot[]> {
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
