import { type ChildProcess, spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sumMetric } from '../support/load/metrics.ts';
import { ports, REPLICAS, replicaBase } from './balancer.ts';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const SETTINGS = fileURLToPath(new URL('../../config/depthcast.yaml', import.meta.url));
const START_MS = 400_000;
/** Of each replica. */
export const PLACES = 8;
export const DRAIN_SECONDS = 15;

/** `depthcast serve` as a process of its own on a loopback address of its own, with the smallest network. */
export class Replica {
  readonly index: number;
  readonly #child: ChildProcess;
  #log = '';

  private constructor(index: number) {
    this.index = index;
    const address = REPLICAS[index]!;
    const settings = {
      SERVER_HOST: address,
      SERVER_PORT: ports.http,
      SERVER_TRUSTPROXY: '["127.0.0.0/24"]',
      SERVER_DRAINSECONDS: DRAIN_SECONDS,
      CLUSTER_AGENTPORT: ports.agent,
      RTC_HOSTADDRESSES: `["${address}"]`,
      // What a busy machine measures of itself must not decide about what places do.
      LIMITS_UTILISATION: 100,
      LIMITS_STREAMS: PLACES,
      LIMITS_IDLESECONDS: 600,
      LIMITS_SLOWVIEWERSECONDS: 600,
      LIMITS_SETUPSECONDS: 60,
      DEPTH_SIZE: 160,
      DEPTH_THREADS: 1,
      DEPTH_WORKERS: 1,
      OUTPUT_TRACKSIDE: 160,
      LOG_LEVEL: 'warn',
    };
    const env = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`DEPTHCAST_${key}`, String(value)]));
    this.#child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, 'serve', '--config', SETTINGS], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (text) => {
        this.#log = (this.#log + String(text)).slice(-10_000);
      });
  }

  static async start(index: number): Promise<Replica> {
    const replica = new Replica(index);
    const until = performance.now() + START_MS;
    while (performance.now() < until) {
      if (replica.exitCode !== undefined) throw new Error(`a replica ended:\n${replica.#log}`);
      const response = await fetch(`${replica.base}/livez`).catch(() => undefined);
      if (response?.ok) return replica;
      await sleep(100);
    }
    await replica.kill();
    throw new Error(`a replica does not start:\n${replica.#log}`);
  }

  get address(): string {
    return REPLICAS[this.index]!;
  }

  get base(): string {
    return replicaBase(this.index);
  }

  get log(): string {
    return this.#log;
  }

  get exitCode(): number | string | undefined {
    return this.#child.exitCode ?? this.#child.signalCode ?? undefined;
  }

  /** What it tells balancers that is free of it, in per cent; undefined where it takes nobody. */
  weight(): Promise<number | undefined> {
    return new Promise((resolve) => {
      let text = '';
      const socket = createConnection(ports.agent, this.address);
      socket.setEncoding('utf8');
      socket.on('data', (piece: string) => {
        text += piece;
      });
      // One that ended takes nobody.
      socket.on('error', () => {});
      socket.on('close', () => {
        const weight = /^up ready (\d+)%/.exec(text)?.[1];
        resolve(weight === undefined ? undefined : Number(weight));
      });
    });
  }

  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    return sumMetric(await (await fetch(`${this.base}/metrics`)).text(), name, labels);
  }

  /** SIGTERM: as a supervisor ends it. Settles with the exit code. */
  drain(): Promise<number | string | undefined> {
    return this.#end('SIGTERM');
  }

  async kill(): Promise<void> {
    if (this.exitCode === undefined) await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<number | string | undefined> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill(signal);
    await gone;
    return this.exitCode;
  }
}
