import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processUsage } from '../loadtest/process-usage.ts';
import type { FromServer, ServerSetup } from '../loadtest/server-child.ts';
import { printTable } from '../test/support/table.ts';
import { Fleet } from '../test/support/wrtc-fleet.ts';
import type { Attack } from './attacks/attack.ts';
import { ATTACKS, IDLE } from './attacks/list.ts';

const MIB = 2 ** 20;
const RATES = [1e6, 10e6];
/** After an attack the server gets so long to be itself again. */
const REST_MS = 2000;
const HONEST = { scene: 'room', width: 320, height: 240, data: 'none', track: 'gray', peers: 1, fps: 15 } as const;
/** The server is attacked by one address and is to defend itself by what it does, not by how often it may be asked. */
const OVERRIDES = {
  'sources.scenes': ['room'],
  'sources.width': 320,
  'sources.height': 240,
  'sources.fps': 10,
  'limits.utilisation': null,
};

interface Reading {
  frames: number;
  at: number;
  metrics: Map<string, number>;
}

/** A server in a process of its own, and an honest two-way stream of libwebrtc's in another. */
class Stage {
  readonly #server: ChildProcess;
  readonly url: string;
  readonly #fleet: Fleet | undefined;

  static async open(https: boolean): Promise<Stage> {
    const server = fork(fileURLToPath(new URL('../loadtest/server-child.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, MALLOC_ARENA_MAX: '2' },
    });
    server.send({ overrides: { ...OVERRIDES, 'tls.generate': https }, readCodes: false } satisfies ServerSetup);
    const [said] = (await once(server, 'message')) as [FromServer];
    if (said.case !== 'listening') throw new Error(`the server did not start: ${JSON.stringify(said)}`);
    // Its certificate is one of its own making, and only this process looks at it.
    if (https) process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    const url = `${https ? 'https' : 'http'}://127.0.0.1:${said.port}`;
    // The honest peer's library does not take a certificate of our own making.
    const fleet = https ? undefined : new Fleet({ ...HONEST, url });
    await fleet?.flowing(60_000);
    return new Stage(server, url, fleet);
  }

  private constructor(server: ChildProcess, url: string, fleet: Fleet | undefined) {
    this.#server = server;
    this.url = url;
    this.#fleet = fleet;
  }

  get memory(): number {
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#server.pid}/status`, 'utf8'))![1]);
  }

  /** Seconds of processor time so far. */
  get cpu(): number {
    return processUsage(this.#server.pid ?? 0)?.cpuSeconds ?? 0;
  }

  async read(): Promise<Reading> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const lines = [...text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm)];
    const report = await this.#fleet?.next();
    return {
      frames: report?.peers[0]?.frames ?? 0,
      at: report?.at ?? performance.now(),
      metrics: new Map(lines.map(([, name, value]) => [name!, Number(value)])),
    };
  }

  async close(): Promise<void> {
    await this.#fleet?.stop();
    const gone = once(this.#server, 'exit');
    this.#server.send({ case: 'end' });
    await gone;
  }
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

interface Outcome {
  fps: number;
  p95: number;
  cpu: number;
  grown: number;
  ended: string;
}

/** Lets the honest stream run for so long, attacked or not. */
async function watch(stage: Stage, seconds: number, during: () => Promise<unknown>): Promise<Outcome> {
  const memory = stage.memory;
  const cpu = stage.cpu;
  const before = await stage.read();
  const began = performance.now();
  await Promise.race([during(), sleep(seconds * 1000)]);
  await sleep(Math.max(0, seconds * 1000 - (performance.now() - began)));
  const after = await stage.read();
  const spent = (1000 * (stage.cpu - cpu)) / (performance.now() - began);
  await sleep(REST_MS);
  return {
    fps: (1000 * (after.frames - before.frames)) / (after.at - before.at),
    p95: latencyQuantile(before, after, 0.95),
    cpu: spent,
    grown: (stage.memory - memory) / MIB,
    ended: whatEnded(before, after),
  };
}

/** Refusals and ends that the server counted meanwhile. */
function whatEnded(before: Reading, after: Reading): string {
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

/** An attacker in a process of its own, which waits for the word. */
async function attacker(
  { name, bytes = 1000 }: Attack,
  url: string,
  rate: number,
  seconds: number,
): Promise<() => Promise<void>> {
  const file = fileURLToPath(new URL('./attacks/attacker.ts', import.meta.url));
  const child = fork(file, [name, url, String(rate), String(seconds), String(bytes)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  await once(child, 'message');
  const gone = once(child, 'exit');
  return async () => {
    child.send('go');
    const timer = setTimeout(() => child.kill('SIGKILL'), (seconds + 15) * 1000);
    await gone;
    clearTimeout(timer);
  };
}

/**
 * Each attack from one peer, beside an honest stream: what that keeps of its frame rate and latency, what processor time and memory
 * the server spends on it, and what ended the attacker.
 */
export async function benchAttacks({
  only = '',
  seconds = 10,
  rates = RATES,
}: {
  only?: string | undefined;
  seconds?: number;
  rates?: readonly number[];
}): Promise<void> {
  const chosen = ATTACKS.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()));
  const rows: (string | number)[][] = [];
  for (const https of [false, true]) {
    const attacks = chosen.filter((one) => (one.https ?? false) === https);
    if (attacks.length === 0) continue;
    const stage = await Stage.open(https);
    try {
      // V8 compiles what is hot, and the heap finds its size.
      await watch(stage, seconds, async () => {});
      for (const one of attacks)
        for (const rate of rates) {
          const calm = await watch(
            stage,
            seconds,
            await attacker({ ...IDLE, bytes: one.bytes ?? 1000 }, stage.url, rate, seconds),
          );
          const attacked = await watch(stage, seconds, await attacker(one, stage.url, rate, seconds));
          const ratio = (a: number, b: number) => (Number.isFinite(a / b) ? (a / b).toFixed(2) : '-');
          rows.push([
            one.name,
            rate / 1e6,
            ratio(attacked.fps, calm.fps),
            ratio(attacked.p95, calm.p95),
            attacked.cpu - calm.cpu,
            attacked.grown,
            attacked.ended,
          ]);
          process.stderr.write(`${rows.at(-1)!.join('  ')}\n`);
        }
    } finally {
      await stage.close();
    }
  }
  printTable(
    'Attacks from one peer beside an honest stream (goal: frame rate at least 0.9, p95 at most 1.3 of those without; under 20 MiB)',
    ['attack', 'Mbit/s', 'frame rate', 'p95', 'cores', 'RSS, MiB', 'counted meanwhile'],
    rows,
  );
}
