import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, workerData } from 'node:worker_threads';
import { DepthcastError } from '../../src/errors.ts';
import { answerRequests, type Handlers, tellNearEnd } from '../../src/worker-answers.ts';

/** What the thread is started with. */
export interface TestBoot {
  start: string;
  atOnce: boolean;
}

/** What the thread of `src/worker-channel.test.ts` does. */
export interface TestCalls {
  /** Doubles the numbers, in the memory that came, after a wait. */
  double(values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer>;
  /** After so many milliseconds. */
  wait(ms: number): number;
  /** Blocks the thread for so many milliseconds. */
  block(ms: number): void;
  fail(what: 'coded' | 'plain' | 'uncloneable'): unknown;
  die(how: 'throw' | 'exit'): void;
  note(text: string): void;
  notes(): string[];
  /** Is told back, then answered. */
  tell(text: string): void;
  /** Serves another thread's requests. */
  connect(port: MessagePort): void;
}

const notes: string[] = [];

const { start, atOnce } = workerData as TestBoot;
const handlers: Handlers<TestCalls> = {
  double: async (values, transfer) => {
    for (let i = 0; i < values.length; i++) values[i] = 2 * values[i]!;
    transfer.push(values.buffer);
    await sleep(5);
    return values;
  },
  wait: async (ms) => {
    notes.push(`wait ${ms}`);
    await sleep(ms);
    return ms;
  },
  block: (ms) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  },
  fail: (what) => {
    if (what === 'coded') throw new DepthcastError('DISK_FULL', { detail: 'of the thread', retryAfter: 7 });
    if (what === 'plain') throw new TypeError('no code');
    return () => {};
  },
  die: (how) => {
    if (how === 'exit') process.exit(3);
    setImmediate(() => {
      throw new Error('crashed');
    });
    return sleep(60_000);
  },
  note: (text) => {
    if (text === 'bad') throw new Error('bad note');
    notes.push(text);
  },
  notes: () => notes,
  tell: (text) => tellNearEnd(text),
  connect: (port) => serve(port, handlers, () => notes.push('closed')),
};
const serve = answerRequests<TestCalls, string>(
  handlers,
  async () => {
    if (start === 'bad') throw new DepthcastError('BAD_MODEL', { detail: 'of the start' });
    await sleep(20);
    return `${start}ed`;
  },
  { failed: 'INFERENCE_FAILED', atOnce },
);
