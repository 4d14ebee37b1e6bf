import { type JobAssignment, JobStatus } from '@livekit/protocol';
import { dispose } from '@livekit/rtc-node';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { Metrics } from '../metrics/metrics.ts';
import { exportState, type ServerState } from '../metrics/server-state.ts';
import { Admission } from '../session/admission.ts';
import { watchInference } from '../session/inference-metrics.ts';
import { openPool } from '../session/open-pool.ts';
import { Registry } from '../session/registry.ts';
import type { AgentContext } from './context.ts';
import { checkFfi } from './ffi.ts';
import { HealthPort } from './health-port.ts';
import { DepthJob } from './job.ts';
import { Offers } from './offers.ts';
import { publisherKey, Reconciler } from './reconcile.ts';
import { type Credentials, ServerApi } from './server-api.ts';
import { type WorkerLoad, WorkerSocket } from './worker-socket.ts';

/** The server passes over a worker whose load is 0.7 or more (`agents.target_load`), although it says that it has room. */
const MAX_LOAD = 0.69;
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

/** A LiveKit worker: turns publishers' video into depth in their own rooms. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #context: AgentContext;
  readonly #socket: WorkerSocket;
  readonly #reconciler: Reconciler;
  readonly #jobs = new Map<string, DepthJob>();
  readonly #offers: Offers;
  #health: HealthPort | undefined;
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
    exportState(metrics.registry, () => agent.#state(registry));
    await agent.#listen();
    agent.#socket.open();
    return agent;
  }

  private constructor(options: AgentOptions, context: AgentContext) {
    const { url, credentials, agentName, auto, version, log } = options;
    this.#options = options;
    this.#context = context;
    const api = new ServerApi(url, credentials);
    const hasRoom = () => !this.#load().full && this.#socket.registered;
    this.#reconciler = new Reconciler({ api, agentName, auto, hasRoom, log });
    this.#offers = new Offers({
      admission: context.admission,
      api,
      isDead: (room, participant) => this.#reconciler.isDead(room, participant),
      runs: (id) => this.#jobs.has(id),
      serves: (key) =>
        [...this.#jobs.values()].some(({ roomName, publisher }) => publisherKey(roomName, publisher) === key),
    });
    this.#socket = new WorkerSocket({
      url,
      credentials,
      agentName,
      version,
      offer: (job) => this.#offers.answer(job),
      load: () => this.#load(),
    });
    this.#socket.on('registered', (worker) => {
      this.#lostSince = '';
      log.info({ worker }, 'registered with the LiveKit server');
      if (agentName !== '') this.#reconciler.start();
    });
    this.#socket.on('assigned', (assignment) => this.#run(assignment));
    this.#socket.on('terminated', (id) => void this.#jobs.get(id)?.end(JobStatus.JS_SUCCESS, 'the server ended it'));
    this.#socket.on('lost', ({ code, message }) => {
      // Once for each reason: attempts go on without end.
      if (this.#lostSince !== message) log.warn({ code }, message);
      this.#lostSince = message;
      context.metrics.rejected.inc({ code });
    });
  }

  /** Name of the network that is used where nobody asks for another. */
  get model(): string {
    return this.#context.pool.models[0]!.manifest.name;
  }

  /** Takes no more jobs; settles when the last has ended of itself, or after so many seconds. */
  async drain(seconds: number): Promise<void> {
    this.#draining = true;
    this.#offers.drain();
    this.#socket.report();
    const until = performance.now() + seconds * 1000;
    while (this.#jobs.size > 0 && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }

  /** Ends every job, then leaves the server. Nothing of rtc-node may be called afterwards. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#offers.drain();
    this.#socket.report();
    this.#reconciler.stop();
    await Promise.all([...this.#jobs.values()].map((job) => job.end(JobStatus.JS_SUCCESS, 'agent stopped')));
    this.#socket.close();
    this.#offers.close();
    await this.#health?.close();
    await this.#context.pool.close();
    await dispose();
  }

  async #listen(): Promise<void> {
    const { config, metrics } = this.#context;
    const { healthPort: port } = config.livekit;
    const whyNotReady = () => this.#whyNotReady();
    if (port !== null) this.#health = await HealthPort.open({ host: config.server.host, port, metrics, whyNotReady });
  }

  #whyNotReady(): string[] {
    const reasons: string[] = [];
    if (this.#draining) reasons.push('draining');
    if (!this.#socket.registered) reasons.push('not registered with the LiveKit server');
    if (this.#context.pool.workers.some((worker) => !worker.alive)) reasons.push('the depth worker is restarting');
    if (this.#context.admission.free === 0) reasons.push('there is no room for another publisher');
    return reasons;
  }

  #state(registry: Registry): ServerState {
    const { pool, admission, config } = this.#context;
    const alive = pool.workers.filter((worker) => worker.alive).length;
    return {
      ready: this.#whyNotReady().length === 0,
      accepting: admission.free > 0,
      streams: registry.placesTaken,
      streamsLimit: config.limits.streams,
      workersAlive: alive,
      workersRestarting: pool.workers.length - alive,
      workersLimit: pool.workersLimit,
      utilisation: admission.utilisation,
    };
  }

  #load(): WorkerLoad {
    const { free } = this.#context.admission;
    const full = this.#draining || free === 0;
    return { load: MAX_LOAD * (1 - free), jobs: this.#jobs.size + this.#offers.promised, full };
  }

  #run(assignment: JobAssignment): void {
    const id = assignment.job?.id ?? '';
    // Told twice: what runs goes on.
    if (this.#jobs.has(id)) return;
    const place = this.#offers.take(id);
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
    void job.run();
  }
}
