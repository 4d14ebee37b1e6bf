import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FrameReading } from './agent-child.ts';
import { CREDENTIALS, SERVER_URL } from './server.ts';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const WATCHED = fileURLToPath(new URL('./agent-child.ts', import.meta.url));

interface LogLine {
  msg: string;
  job?: string;
  ms?: number;
}

/** `depthcast agent` in a process of its own; `watched` reads the codes of the pictures on their way to the network. */
export class AgentProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly lines: LogLine[] = [];
  /** By the publisher's timestamp: the frame whose code the network saw; -1 where none could be read. */
  readonly readings = new Map<string, number>();
  #text = '';
  #rest = '';

  constructor(name: string, { max = 4, watched = false, size = 160 } = {}) {
    this.name = name;
    const args = [
      'agent',
      '--url',
      SERVER_URL,
      '--name',
      'depth',
      '--max',
      String(max),
      '--size',
      String(size),
      '--threads',
      '1',
    ];
    this.#child = spawn(process.execPath, ['--import', 'tsx', watched ? WATCHED : CLI, ...args], {
      env: {
        ...process.env,
        NODE_ENV: 'production',
        LIVEKIT_API_KEY: CREDENTIALS.apiKey,
        LIVEKIT_API_SECRET: CREDENTIALS.apiSecret,
        DEPTHCAST_DEPTH_WORKERS: '1',
        DEPTHCAST_LIMITS_UTILISATION: '100',
        DEPTHCAST_SERVER_DRAINSECONDS: '60',
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child.on('message', (readings: FrameReading[]) => {
      for (const [timestamp, frame] of readings) this.readings.set(timestamp, frame);
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (text) => this.#read(String(text)));
  }

  get log(): string {
    return this.#text;
  }

  get exitCode(): number | string | undefined {
    return this.#child.exitCode ?? this.#child.signalCode ?? undefined;
  }

  async registered(): Promise<this> {
    for (let tries = 0; tries < 3600; tries++) {
      if (this.exitCode !== undefined) break;
      if (this.lines.some(({ msg }) => msg.startsWith('registered'))) return this;
      await sleep(50);
    }
    throw new Error(`agent ${this.name} does not register:\n${this.#text}`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async gone(): Promise<number | string | undefined> {
    if (this.exitCode === undefined) await new Promise((resolve) => this.#child.once('exit', resolve));
    return this.exitCode;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.gone();
  }

  #read(text: string): void {
    this.#text = (this.#text + text).slice(-20_000);
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines)
      if (line.startsWith('{'))
        try {
          this.lines.push(JSON.parse(line) as LogLine);
        } catch {
          // A line of the library's own.
        }
  }
}
