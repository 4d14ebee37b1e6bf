import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DepthcastError } from '../src/errors.ts';
import { processUsage } from '../test/support/load/process-usage.ts';
import type { ChildSetup, FromChild, StreamReport, StreamSpec, ToChild } from './protocol.ts';

const STREAMS_PER_CHILD = 4;
const READY_MS = 60_000;
const STOP_MS = 4000;
/** Crashes after which something is wrong with more than the library. */
const MAX_CRASHES = 40;

interface Child {
  process: ChildProcess;
  ready: Promise<void>;
  started: boolean;
  /** CPU seconds when it was last looked at. */
  cpu: number;
  streams: Map<number, StreamSpec>;
}

/** The processes that make the load: each carries a few streams, and one that crashes is started again. */
export class Children {
  /** Processes that ended without being asked. */
  crashes = 0;
  readonly #setup: ChildSetup;
  readonly #onReports: (reports: StreamReport[]) => void;
  readonly #children: Child[] = [];
  /** CPU seconds of those that crashed. */
  #gone = 0;
  #stopping = false;

  constructor(setup: ChildSetup, onReports: (reports: StreamReport[]) => void) {
    this.#setup = setup;
    this.#onReports = onReports;
  }

  /** CPU seconds of all of them so far; of one that crashed, until it was last looked at. */
  get cpuSeconds(): number {
    for (const child of this.#children) child.cpu = processUsage(child.process.pid ?? 0)?.cpuSeconds ?? child.cpu;
    return this.#children.reduce((sum, { cpu }) => sum + cpu, this.#gone);
  }

  /** Starts what so many streams need, so that opening one later takes no time. */
  async prepare(streams: number): Promise<void> {
    while (this.#children.length * STREAMS_PER_CHILD < streams) this.#children.push(this.#start(new Map()));
    await Promise.all(this.#children.map(({ ready }) => ready));
  }

  async open(spec: StreamSpec): Promise<void> {
    await this.prepare(spec.index + 1);
    const child = this.#of(spec.index);
    child.streams.set(spec.index, spec);
    this.#send(child, { case: 'open', spec });
  }

  close(index: number): void {
    const child = this.#of(index);
    if (child.streams.delete(index)) this.#send(child, { case: 'close', index });
  }

  /** Ends every session, then ends the processes. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      this.#children.map(async ({ process }) => {
        if (process.exitCode !== null || process.signalCode !== null) return;
        const gone = once(process, 'exit');
        process.send({ case: 'end' } satisfies ToChild, () => {});
        const timer = setTimeout(() => process.kill('SIGKILL'), STOP_MS);
        await gone;
        clearTimeout(timer);
      }),
    );
  }

  #of(index: number): Child {
    return this.#children[Math.floor(index / STREAMS_PER_CHILD)]!;
  }

  #send({ process }: Child, message: ToChild): void {
    // One that is crashing is started again, with its streams.
    if (process.connected) process.send(message, () => {});
  }

  #start(streams: Map<number, StreamSpec>): Child {
    const file = fileURLToPath(new URL('./child.ts', import.meta.url));
    const child = fork(file, { execArgv: ['--import', 'tsx'], serialization: 'advanced' });
    const entry: Child = { process: child, ready: Promise.resolve(), started: false, cpu: 0, streams };
    child.send({ case: 'setup', setup: this.#setup } satisfies ToChild);
    const ready = new Promise<void>((resolve, reject) => {
      const failed = (why: string) => reject(new DepthcastError('INTERNAL', { detail: `a load process ${why}` }));
      const timer = setTimeout(() => failed('did not start'), READY_MS);
      child.on('message', (message: FromChild) => {
        if (message.case === 'report') return this.#onReports(message.streams);
        clearTimeout(timer);
        entry.started = true;
        resolve();
      });
      child.once('exit', () => {
        clearTimeout(timer);
        failed('ended at once');
      });
    });
    entry.ready = ready;
    child.once('exit', () => void this.#replace(entry));
    return entry;
  }

  async #replace(child: Child): Promise<void> {
    // One that never came about would only fail again; whoever waits for it hears of it.
    if (this.#stopping || !child.started) return;
    this.crashes++;
    const at = this.#children.indexOf(child);
    if (at < 0 || this.crashes > MAX_CRASHES) return;
    this.#gone += child.cpu;
    const next = this.#start(child.streams);
    this.#children[at] = next;
    await next.ready.then(
      () => {
        for (const spec of next.streams.values()) this.#send(next, { case: 'open', spec });
      },
      () => {},
    );
  }
}
