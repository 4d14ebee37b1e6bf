import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SETTINGS = fileURLToPath(new URL('../../docker/cluster/haproxy.cfg', import.meta.url));
const HTTP_PORT = 19_080;
const AGENT_PORT = 19_081;
const PORT = 19_000;

/** Loopback addresses: one for each machine that a cluster would have, and one that both balancers share. */
export const REPLICAS = ['127.0.0.21', '127.0.0.22', '127.0.0.23'] as const;
const BALANCERS = ['127.0.0.11', '127.0.0.12'] as const;
export const BASES = BALANCERS.map((address) => `http://${address}:${PORT}`);
export const SHARED_BASE = `http://127.0.0.10:${PORT}`;
export const replicaBase = (index: number): string => `http://${REPLICAS[index]}:${HTTP_PORT}`;
export const ports = { http: HTTP_PORT, agent: AGENT_PORT };

/** HAProxy, or how it can be had; root on Debian gets it at once. */
export function findHaproxy(): string | undefined {
  const there = () => spawnSync('haproxy', ['-v']).error === undefined;
  if (there()) return undefined;
  const needed = 'haproxy is missing: apt-get install haproxy';
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).error) return needed;
  const options = ['-y', '-qq', '-o', 'DPkg::Lock::Timeout=300', '--no-install-recommends'];
  const install = () =>
    spawnSync('apt-get', ['install', ...options, 'haproxy'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let done = install();
  if (done.status !== 0) {
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    done = install();
  }
  return there() ? undefined : `${needed} (it failed: ${String(done.stderr).trim().slice(0, 200)})`;
}

export interface Known {
  /** Per cent of it that are free; undefined where it is given nobody. */
  weight: number | undefined;
  /** Its state and what its agent said last, for people. */
  detail: string;
}

/** What the machine is too busy to answer within three seconds shall not count as gone here. */
const CHECK_TIMEOUT = '20s';

/** One of two HAProxy processes with the settings of docker/cluster/. */
export class Balancer {
  readonly #child: ChildProcess;
  /** Of its socket, by which it tells what it knows. */
  readonly #folder = mkdtempSync(join(tmpdir(), 'depthcast-haproxy-'));
  #log = '';

  private constructor(index: number) {
    const listen = `${BALANCERS[index]}:${PORT}`;
    const env = {
      ...process.env,
      BALANCER_1: `${BALANCERS[0]}:19082`,
      BALANCER_2: `${BALANCERS[1]}:19082`,
      ...Object.fromEntries(REPLICAS.map((address, i) => [`REPLICA_${i + 1}`, `${address}:${HTTP_PORT}`])),
      AGENT_PORT: String(AGENT_PORT),
      LISTEN: listen,
      LISTEN_SHARED: SHARED_BASE.slice('http://'.length),
      CHECK_TIMEOUT,
    };
    const more = join(this.#folder, 'socket.cfg');
    writeFileSync(more, `global\n  stats socket ${this.#socket} mode 600 level user\n`);
    this.#child = spawn('haproxy', ['-db', '-L', `balancer-${index + 1}`, '-f', SETTINGS, '-f', more], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (text) => {
        this.#log = (this.#log + String(text)).slice(-10_000);
      });
  }

  /** Settles when it serves. @throws with what it said where it does not */
  static async start(index: number): Promise<Balancer> {
    const balancer = new Balancer(index);
    for (let tries = 0; tries < 1200; tries++) {
      if (balancer.#child.exitCode !== null) throw new Error(`haproxy ended:\n${balancer.log}`);
      const response = await fetch(`${BASES[index]}/livez`).catch(() => undefined);
      if (response?.ok) return balancer;
      await sleep(50);
    }
    await balancer.kill();
    throw new Error(`haproxy does not serve:\n${balancer.log}`);
  }

  get log(): string {
    return this.#log;
  }

  get #socket(): string {
    return join(this.#folder, 'haproxy.sock');
  }

  /** What it knows of each replica, as newcomers are given out. */
  async replicas(): Promise<Known[]> {
    const [header = '', ...lines] = (await this.#ask('show stat')).split('\n');
    const keys = header.replace(/^# /, '').split(',');
    const rows = lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [keys[i], value])));
    return REPLICAS.map((_, i) => {
      const found = rows.find(({ pxname, svname }) => pxname === 'publish' && svname === `replica-${i + 1}`) ?? {};
      const { status = '', weight, agent_status, agent_desc, last_agt } = found;
      return {
        weight: status === 'UP' ? Number(weight) : undefined,
        detail: [status, weight, agent_status, agent_desc, last_agt].join(' '),
      };
    });
  }

  #ask(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = createConnection(this.#socket, () => socket.write(`${command}\n`));
      socket.setEncoding('utf8');
      socket.on('data', (piece: string) => {
        text += piece;
      });
      socket.on('error', reject);
      socket.on('end', () => resolve(text));
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async kill(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    if (!this.running) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}
