import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ClientReport, ClientSpec, FromClients, ToClients } from './protocol.ts';

const FILE = fileURLToPath(new URL('./clients.ts', import.meta.url));

/** Of a machine that is busy with other work. */
const PATIENCE_S = 120;

/** The clients, in their own process, as they last reported. */
export class Clients {
  readonly #child: ChildProcess;
  readonly #reports = new Map<string, ClientReport>();
  readonly #closed = new Set<string>();

  constructor() {
    this.#child = spawn(process.execPath, ['--import', 'tsx', FILE], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', ({ clients }: FromClients) => {
      this.#reports.clear();
      // A report may have been on its way when its client was closed.
      for (const client of clients) if (!this.#closed.has(client.id)) this.#reports.set(client.id, client);
    });
  }

  open(spec: ClientSpec): void {
    this.#send({ case: 'open', spec });
  }

  close(id: string): void {
    this.#closed.add(id);
    this.#reports.delete(id);
    this.#send({ case: 'close', id });
  }

  get(id: string): ClientReport | undefined {
    return this.#reports.get(id);
  }

  /** Those whose id begins so. */
  all(prefix: string): ClientReport[] {
    return [...this.#reports.values()].filter(({ id }) => id.startsWith(prefix));
  }

  /** Waits until `check` holds. @throws saying what was waited for, and how things stand */
  async until(what: string, check: () => boolean, seconds = PATIENCE_S): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!check()) {
      if (this.#child.exitCode !== null) throw new Error('the process of the clients ended');
      if (performance.now() > deadline) {
        const state = [...this.#reports.values()].map(
          ({ id, connected, replica, sessions, frames, firstFrameAt, ends, refusals }) =>
            `  ${id} ${connected ? 'connected' : 'not connected'} at ${replica}, ${sessions} sessions, ${frames} frames${firstFrameAt > 0 ? '' : ' (none of this session)'}, ended [${ends.join(', ')}], refused ${refusals.map(({ status, retryAfter }) => `${status}/${retryAfter}`).join(' ')}`,
        );
        throw new Error(`${what} did not happen within ${seconds} s\n${state.join('\n')}`);
      }
      await sleep(50);
    }
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#send({ case: 'end' });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(timer);
  }

  #send(message: ToClients): void {
    if (this.#child.connected) this.#child.send(message);
  }
}
