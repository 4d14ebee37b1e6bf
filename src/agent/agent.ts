import { type Job, type JobAssignment, JobStatus } from '@livekit/protocol';
import { dispose } from '@livekit/rtc-node';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Admission } from '../session/admission.ts';
import { watchInference } from '../session/inference-metrics.ts';
import { openPool } from '../session/open-pool.ts';
import { Registry } from '../session/registry.ts';
import type { AgentContext } from './context.ts';
import { checkFfi } from './ffi.ts';
import { DepthJob } from './job.ts';
import { Reconciler, replacesOf } from './reconcile.ts';
import { type Credentials, ServerApi } from './server-api.ts';
import { ATTRIBUTE } from './settings.ts';
import { type Answer, type WorkerLoad, WorkerSocket } from './worker-socket.ts';

/** The server passes over a worker whose load is 0.7 or more (`agents.target_load`), although it says that it has room. */
const MOST_LOAD = 0.69;
/** An offer that was accepted and led to no assignment. */
const PROMISE_MS = 10_000;
const LOOK_MS = 600;
const DRAIN_POLL_MS = 100;

export interface AgentOptions {
  config: Config;
  version: string;
  log: Logger;
  url: string;
  /** Rooms ask for it by this name; empty: the server gives it every publisher of every room. */
  agentName: string;
  /** Looks after rooms without a dispatch of its name too. */
  auto: boolean;
  credentials: Credentials;
}

type Place = ReturnType<Registry['reserve']>;

/** A LiveKit worker: turns publishers' video into depth in their own rooms. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #context: AgentContext;
  readonly #api: ServerApi;
  readonly #socket: WorkerSocket;
  readonly #reconciler: Reconciler;
  readonly #jobs = new Map<string, DepthJob>();
  /** Accepted and not assigned yet: they hold their places. */
  readonly #promised = new Map<string, { place: Place; timer: NodeJS.Timeout; key: string }>();
  #draining = false;
  #lostSince = '';

  /** Loads the model, then connects; settles when the server has registered it, or at its first refusal, while attempts go on. */
  static async start(options: AgentOptions): Promise<Agent> {
    await checkFfi();
    let context: AgentContext | undefined;
    const { pool, first, config } = await openPool(
      options.config,
      options.log,
      (inferencer) => context && watchInference(context, inferencer),
    );
    const metrics = new Metrics({ version: options.version, model: first.model.name, device: first.device });
    metrics.setTargets(config.targets);
    const registry = new Registry();
    const admission = new Admission({ registry, pool, config });
    context = { config, pool, metrics, admission, log: options.log };
    watchInference(context, first);
    const agent = new Agent(options, context);
    agent.#socket.open();
    return agent;
  }

  private constructor(options: AgentOptions, context: AgentContext) {
    const { url, credentials, agentName, auto, version, log } = options;
    this.#options = options;
    this.#context = context;
    this.#api = new ServerApi(url, credentials);
    const offer = (job: Job) => this.#offer(job);
    this.#socket = new WorkerSocket({ url, credentials, agentName, version, offer, load: () => this.#load() });
    const hasRoom = () => !this.#load().full && this.#socket.registered;
    this.#reconciler = new Reconciler({ api: this.#api, agentName, auto, hasRoom, log });
    this.#socket.on('registered', (worker) => {
      this.#lostSince = '';
      log.info({ worker }, 'registered with the LiveKit server');
      if (agentName !== '') this.#reconciler.start();
    });
    this.#socket.on('assigned', (assignment) => void this.#run(assignment));
    this.#socket.on('terminated', (id) => void this.#jobs.get(id)?.end(JobStatus.JS_SUCCESS, 'the server ended it'));
    this.#socket.on('lost', ({ code, message }) => {
      // Once for each reason: attempts go on without end.
      if (this.#lostSince !== message) log.warn({ code }, message);
      this.#lostSince = message;
      metricsOf(context).rejected.inc({ code });
    });
  }

  get context(): AgentContext {
    return this.#context;
  }

  get registered(): boolean {
    return this.#socket.registered;
  }

  get jobs(): number {
    return this.#jobs.size;
  }

  /** Registered, and it would take a job. */
  get ready(): boolean {
    return this.registered && !this.#load().full;
  }

  /** Takes no more jobs; settles when the last has ended of itself, or after so many seconds. */
  async drain(seconds: number): Promise<void> {
    this.#draining = true;
    this.#socket.report();
    const until = performance.now() + seconds * 1000;
    while (this.#jobs.size > 0 && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }

  /** Ends every job, then leaves the server. Nothing of rtc-node may be called afterwards. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#socket.report();
    this.#reconciler.stop();
    await Promise.all([...this.#jobs.values()].map((job) => job.end(JobStatus.JS_SUCCESS, 'agent stopped')));
    this.#socket.close();
    for (const id of [...this.#promised.keys()]) this.#take(id)?.free();
    await this.#context.pool.close();
    await dispose();
  }

  #load(): WorkerLoad {
    const { free } = this.#context.admission;
    const full = this.#draining || free === 0;
    return { load: MOST_LOAD * (1 - free), jobs: this.#jobs.size + this.#promised.size, full };
  }

  async #offer(job: Job): Promise<Answer> {
    const identity = job.participant?.identity ?? '';
    const room = job.room?.name ?? '';
    const key = `${room}/${identity}`;
    if (identity === '' || this.#draining) return { available: false };
    if (this.#isOurs(key) || (await this.#hasDepth(room, identity, replacesOf(job.metadata))))
      return { available: false, terminate: true };
    let place: Place;
    try {
      place = this.#context.admission.reserve(key);
    } catch {
      return { available: false };
    }
    if (!this.#context.admission.hasWorkerTime()) {
      place.free();
      return { available: false };
    }
    const timer = setTimeout(() => this.#take(job.id)?.free(), PROMISE_MS);
    this.#promised.set(job.id, { place, timer, key });
    return {
      available: true,
      // The server keeps one participant of a name: where two agents meet, the later one stays.
      identity: `depth-of-${identity}`,
      name: `Depth of ${job.participant?.name || identity}`,
      attributes: { [`${ATTRIBUTE}of`]: identity },
    };
  }

  #isOurs(key: string): boolean {
    const running = [...this.#jobs.values()].some(({ roomName, publisher }) => `${roomName}/${publisher}` === key);
    return running || [...this.#promised.values()].some((one) => one.key === key);
  }

  /** Whether an agent that lives looks after this publisher. Where the server does not say in time, none does. */
  async #hasDepth(room: string, identity: string, replaced: string[]): Promise<boolean> {
    const look = this.#api.participants(room).catch(() => []);
    const late = new Promise<never[]>((resolve) => setTimeout(() => resolve([]), LOOK_MS).unref());
    return (await Promise.race([look, late])).some(
      (one) =>
        one.attributes[`${ATTRIBUTE}of`] === identity &&
        !replaced.includes(one.sid) &&
        !this.#reconciler.isDead(room, one),
    );
  }

  #take(id: string): Place | undefined {
    const found = this.#promised.get(id);
    clearTimeout(found?.timer);
    this.#promised.delete(id);
    return found?.place;
  }

  async #run(assignment: JobAssignment): Promise<void> {
    const id = assignment.job?.id ?? '';
    const place = this.#take(id);
    if (place === undefined) {
      this.#socket.status(id, JobStatus.JS_FAILED, 'it was not accepted, or too long ago');
      return;
    }
    const report = (status: JobStatus, error?: string) => this.#socket.status(id, status, error);
    const job = new DepthJob({ context: this.#context, assignment, url: this.#options.url, place, report });
    this.#jobs.set(id, job);
    job.once('ended', () => {
      this.#jobs.delete(id);
      this.#socket.report();
      // Somebody may wait for the place.
      if (this.#options.agentName !== '' && !this.#draining) this.#reconciler.start();
    });
    this.#socket.report();
    await job.run();
  }
}

const metricsOf = ({ metrics }: AgentContext): Metrics => metrics;
