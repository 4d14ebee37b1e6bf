import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sumMetric } from './metrics.ts';
import type { CodeReading, FromServer, ServerSetup } from './server-child.ts';

const PATH = fileURLToPath(new URL('./server-child.ts', import.meta.url));
const START_MS = 120_000;

export interface ServerProcessOptions {
  /** Settings that differ from the shipped ones, by dotted key. */
  overrides?: Record<string, unknown>;
  env?: NodeJS.ProcessEnv;
  /** Makes the server read the frame codes of its pictures, and gets them. */
  onCodes?: ((readings: CodeReading[]) => void) | undefined;
  /** In a session of its own a server gets its share of a full machine apart from the load, as services do. */
  detached?: boolean;
  /** Its log is not printed. */
  quiet?: boolean;
}

/** A depthcast server, from source, in a process of its own. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly port: number;

  /** @throws where it does not start */
  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const { overrides = {}, env = {}, onCodes, detached = false, quiet = false } = options;
    const child = spawn(process.execPath, ['--import', 'tsx', PATH], {
      stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...env },
      detached,
    });
    try {
      const setup: ServerSetup = { overrides, readCodes: onCodes !== undefined };
      child.send(setup);
      const server = new ServerProcess(child, await listening(child));
      child.on('message', (message: FromServer) => message.case === 'codes' && onCodes?.(message.readings));
      return server;
    } catch (thrown) {
      child.kill('SIGKILL');
      throw thrown;
    }
  }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  get base(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** As a crash would: no connection is closed. */
  async kill(): Promise<void> {
    if (this.exited) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    if (this.exited) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.send('end');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
    await gone;
    clearTimeout(timer);
  }

  /** The sum of a metric's series that carry all of `labels`, as `/metrics` tells it. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const ask = () => fetch(`${this.base}/metrics`);
    // The kept connection may be closed by the server at this very moment: once more, on a new one.
    const response = await ask().catch(ask);
    const text = await response.text();
    if (!response.ok) throw new Error(`/metrics: ${response.status} ${text}`);
    return sumMetric(text, name, labels);
  }
}

function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the server did not start')), START_MS);
    child.once('exit', (code, signal) => reject(new Error(`the server ended at once (${signal ?? code})`)));
    child.once('error', reject);
    child.once('message', (message: FromServer) => {
      clearTimeout(timer);
      if (message.case === 'listening') resolve(message.port);
      else reject(new Error(message.case === 'failed' ? message.message : 'an unexpected message'));
    });
  });
}
