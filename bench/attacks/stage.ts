import { setTimeout as sleep } from 'node:timers/promises';
import { parseMetrics } from '../../test/support/load/metrics.ts';
import { processUsage } from '../../test/support/load/process-usage.ts';
import { ServerProcess } from '../../test/support/load/server-process.ts';
import { Fleet } from '../../test/support/load/wrtc-fleet.ts';
import type { RtcClient } from '../../test/support/rtc-client.ts';
import { Target } from './attack.ts';

const MIB = 2 ** 20;
/** How long the server has to recover after an attack, and its half-open sessions to end. */
const REST_MS = 1000;
const SETTLE_MS = 20_000;
const HONEST = { scene: 'room', width: 320, height: 240, data: 'none', track: 'gray', peers: 1, fps: 15 } as const;
const OVERRIDES = {
  // The worst case: all peers share a thread, with HTTP and signalling.
  'server.mediaWorkers': 0,
  'sources.scenes': ['room'],
  // Attackers watch it: as cheap as a stream can be, so that cores are left on which an attack shows.
  'sources.width': 160,
  'sources.height': 120,
  'sources.fps': 2,
  'limits.utilisation': null,
  // Each attacker says that it is another client, so that none is refused for what the one before it did.
  'server.trustProxy': ['127.0.0.1'],
};

export interface Reading {
  frames: number;
  at: number;
  metrics: Map<string, number>;
}

export interface Outcome {
  fps: number;
  /** ms */
  p95: number;
  /** Processor time in cores. */
  cpu: number;
  /** MiB of RSS, afterwards. */
  grown: number;
  before: Reading;
  after: Reading;
}

/** Of the viewer, as a proxy would tell it. */
const VIEWER_ADDRESS = '127.2.0.1';

/**
 * A server in a process of its own, and an honest two-way stream of libwebrtc's in another. The server's scene has a viewer all the time:
 * it runs only while somebody watches, and an attacker that connects to it must not be charged with that.
 */
export class Stage {
  readonly url: string;
  readonly #server: ServerProcess;
  readonly #fleet: Fleet;
  readonly #viewer: RtcClient;
  readonly #sessions: number;

  static async open(https: boolean): Promise<Stage> {
    const server = await ServerProcess.start({
      overrides: { ...OVERRIDES, 'tls.generate': https },
      env: { MALLOC_ARENA_MAX: '2' },
      // Its log would hold what the attacks put into it.
      quiet: true,
    });
    // Its certificate is one of its own making; nobody but us and our children looks at it.
    if (https) process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    const url = `${https ? 'https' : 'http'}://127.0.0.1:${server.port}`;
    const fleet = new Fleet({ ...HONEST, url });
    await fleet.flowing(60_000);
    const { client } = await new Target(url, VIEWER_ADDRESS, 0, 0).connect({});
    const stage = new Stage(server, url, fleet, client, 0);
    return new Stage(server, url, fleet, client, sessionsOf(await stage.read()));
  }

  private constructor(server: ServerProcess, url: string, fleet: Fleet, viewer: RtcClient, sessions: number) {
    this.#server = server;
    this.url = url;
    this.#fleet = fleet;
    this.#viewer = viewer;
    this.#sessions = sessions;
  }

  /** Lets the honest stream run, attacked or not. */
  async watch(seconds: number, during: () => Promise<unknown>): Promise<Outcome> {
    const memory = this.#memory;
    const cpu = this.#cpu;
    const before = await this.read();
    const began = performance.now();
    const attack = during();
    await Promise.race([attack, sleep(seconds * 1000)]);
    await sleep(Math.max(0, seconds * 1000 - (performance.now() - began)));
    const spent = (1000 * (this.#cpu - cpu)) / (performance.now() - began);
    const watched = await this.read();
    await attack;
    await sleep(REST_MS);
    const after = await this.#settled();
    return {
      fps: (1000 * (watched.frames - before.frames)) / (watched.at - before.at),
      p95: latencyQuantile(before, watched, 0.95),
      cpu: spent,
      grown: (this.#memory - memory) / MIB,
      before,
      after,
    };
  }

  async read(): Promise<Reading> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const report = await this.#fleet.next();
    return {
      frames: report.peers[0]?.frames ?? 0,
      at: report.at,
      metrics: new Map(
        parseMetrics(text).map(({ name, labels, value }) => [labels ? `${name}{${labels}}` : name, value]),
      ),
    };
  }

  async close(): Promise<void> {
    await this.#viewer.close();
    await this.#fleet.stop();
    await this.#server.close();
  }

  get #memory(): number {
    return processUsage(this.#server.pid)?.rssBytes ?? Number.NaN;
  }

  /** Seconds of processor time so far. */
  get #cpu(): number {
    return processUsage(this.#server.pid)?.cpuSeconds ?? Number.NaN;
  }

  /** The attacker's sessions have ended. */
  async #settled(): Promise<Reading> {
    const deadline = performance.now() + SETTLE_MS;
    for (;;) {
      const reading = await this.read();
      if (sessionsOf(reading) <= this.#sessions || performance.now() > deadline) return reading;
    }
  }
}

function sessionsOf({ metrics }: Reading): number {
  return [...metrics].reduce((sum, [name, value]) => (/^depthcast_sessions\b/.test(name) ? sum + value : sum), 0);
}

const LATENCY = 'depthcast_frame_latency_seconds_bucket';

/** Between two readings, ms, interpolated within the histogram's buckets. */
function latencyQuantile(before: Reading, after: Reading, q: number): number {
  const buckets = [...after.metrics]
    .flatMap(([name, count]) => {
      const bound = new RegExp(`^${LATENCY}\\{le="([^"]+)",output="track"\\}`).exec(name)?.[1];
      return bound === undefined
        ? []
        : [{ bound: Number(bound.replace('+Inf', 'Infinity')), count: count - (before.metrics.get(name) ?? 0) }];
    })
    .sort((a, b) => a.bound - b.bound);
  const wanted = q * (buckets.at(-1)?.count ?? 0);
  let [lower, below] = [0, 0];
  for (const { bound, count } of buckets) {
    if (count >= wanted && count > below)
      return 1000 * (Number.isFinite(bound) ? lower + ((bound - lower) * (wanted - below)) / (count - below) : lower);
    [lower, below] = [bound, count];
  }
  return Number.NaN;
}

/** Refusals and ends that the server counted meanwhile. */
export function whatEnded({ before, after }: Outcome): string {
  const since = (pattern: RegExp) =>
    [...after.metrics].flatMap(([name, value]) => {
      const label = pattern.exec(name)?.[1];
      const count = value - (before.metrics.get(name) ?? 0);
      return label !== undefined && count > 0 ? [`${label} ${Math.round(count)}`] : [];
    });
  const codes = since(/^depthcast_rejected_total\{code="(\w+)"\}/);
  const shed = since(/^depthcast_peer_packets_total\{outcome="(shed|stranger)"\}/);
  return [...codes, ...shed].join(', ') || 'nothing: it did no harm';
}
