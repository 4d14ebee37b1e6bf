import { parentPort, type Worker } from 'node:worker_threads';
import { DepthcastError, type ErrorCode, toDepthcastError } from './errors.ts';

/** A thread that was asked to end and has not after this long is not waited for. */
const END_MS = 5000;
/** Number of the thread's start among the requests, and of what wants no answer. */
const START = 0;
const NOTICE = -1;

type Memory = readonly ArrayBuffer[];
const NO_MEMORY: Memory = [];

/** What a thread can be asked for: functions by name, each of one value that can be cloned. */
type Calls<C> = { [K in keyof C]: (value: never) => unknown };
type Taken<F> = F extends (value: infer V) => unknown ? V : never;
type Given<F> = F extends (value: never) => infer R ? Awaited<R> : never;

type ToThread<C> = { id: number; call: keyof C; value: unknown } | { abort: readonly number[] } | 'end';

type FromThread =
  | { id: number; value: unknown }
  | { id: number; error: { code: ErrorCode; detail: string | undefined } };

interface Pending {
  call: unknown;
  owner: unknown;
  resolve(value: never): void;
  reject(error: DepthcastError): void;
}

/**
 * The near end of a worker thread that answers requests, in their order and one at a time; {@link answerRequests} is its
 * far end. Each request settles once: answered, failed, aborted, or rejected because the thread died.
 */
export class WorkerChannel<C extends Calls<C>, Ready = void> {
  /** The thread has started; rejects with what kept it from that. */
  readonly ready: Promise<Ready>;
  /** The thread has ended; the value says how. */
  readonly gone: Promise<DepthcastError>;
  /** performance.now() since when the thread has been at one request; 0 while it has none. */
  busySince = 0;
  readonly #worker: Worker;
  readonly #died: ErrorCode;
  readonly #pending = new Map<number, Pending>();
  #next = START + 1;
  #error: DepthcastError | undefined;

  /** @param died code of what requests are rejected with when the thread is gone */
  constructor(worker: Worker, died: ErrorCode) {
    this.#worker = worker;
    this.#died = died;
    this.ready = this.#wait(START, undefined, undefined);
    this.ready.catch(() => {});
    let crash: string | undefined;
    const broken = ({ message }: Error) => {
      crash = message;
    };
    worker.on('message', (message: FromThread) => this.#settle(message));
    worker.on('error', broken);
    // An answer that cannot be read is one that never comes.
    worker.on('messageerror', (error) => this.abandon(new DepthcastError(died, { detail: error.message })));
    this.gone = new Promise((resolve) => {
      worker.once('exit', (code) => {
        const error = new DepthcastError(died, { detail: crash ?? `exit code ${code}` });
        this.#fail(error);
        resolve(error);
      });
    });
  }

  /**
   * @param transfer memory that moves to the thread
   * @param owner whose request it is, for {@link abort}
   * @throws DepthcastError what the thread failed with, or that it is gone
   */
  request<K extends keyof C>(call: K, value: Taken<C[K]>, transfer = NO_MEMORY, owner?: unknown): Promise<Given<C[K]>> {
    if (this.#error) return Promise.reject(this.#error);
    const id = this.#next++;
    this.#post({ id, call, value }, transfer);
    return this.#wait(id, call, owner);
  }

  /** The request that the thread is at; undefined while it starts, or has none. */
  get busyWith(): keyof C | undefined {
    const [first] = this.#pending.values();
    return first?.call as keyof C | undefined;
  }

  /** Asks for something that nobody waits for; a failure of it ends the thread. */
  notify<K extends keyof C>(call: K, value: Taken<C[K]>): void {
    if (!this.#error) this.#post({ id: NOTICE, call, value }, NO_MEMORY);
  }

  /** Rejects an owner's requests; those that the thread has not begun are passed over, the one that it is at is not cut short. */
  abort(owner: unknown, error: DepthcastError): void {
    const ids: number[] = [];
    for (const [id, pending] of this.#pending)
      if (pending.owner === owner && id !== START) {
        ids.push(id);
        this.#pending.delete(id);
        pending.reject(error);
      }
    if (ids.length === 0) return;
    this.#post({ abort: ids }, NO_MEMORY);
    if (this.#pending.size === 0) this.busySince = 0;
  }

  /** Asks the thread to end as soon as it is at no request; settles when it has, or does not soon. */
  async end(): Promise<void> {
    this.#post('end', NO_MEMORY);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.gone,
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, END_MS);
      }),
    ]);
    clearTimeout(timer);
    // Inside native code still, perhaps: it does not keep the process from ending.
    this.#worker.unref();
    this.#fail(new DepthcastError(this.#died, { detail: 'the thread was ended' }));
  }

  /** Goes on without the thread: rejects what waits. It ends by itself if it ever comes back. */
  abandon(error: DepthcastError): void {
    this.#fail(error);
    this.#post('end', NO_MEMORY);
    this.#worker.unref();
  }

  #post(message: ToThread<C>, transfer: Memory): void {
    this.#worker.postMessage(message, transfer);
  }

  #wait<T>(id: number, call: unknown, owner: unknown): Promise<T> {
    this.busySince ||= performance.now();
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { call, owner, resolve, reject });
    });
  }

  #settle(message: FromThread): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    this.busySince = this.#pending.size > 0 ? performance.now() : 0;
    if ('error' in message) pending?.reject(new DepthcastError(message.error.code, message.error));
    else pending?.resolve(message.value as never);
  }

  #fail(error: DepthcastError): void {
    this.#error ??= error;
    this.busySince = 0;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** What the thread does; memory put into `transfer` moves to the near end with the answer. */
export type Handlers<C extends Calls<C>> = {
  [K in keyof C]: (value: Taken<C[K]>, transfer: ArrayBuffer[]) => Given<C[K]> | Promise<Given<C[K]>>;
};

/**
 * The far end: answers requests in their order, one at a time.
 *
 * The thread ends itself between two of them. `Worker.terminate` must not be used: where it interrupts onnxruntime, the
 * native code finds its JavaScript gone and aborts the whole process.
 * @param start what comes before the first; a failure ends the thread
 * @param failed code of failures that have none
 */
export function answerRequests<C extends Calls<C>, Ready>(
  handlers: Handlers<C>,
  start: () => Ready | Promise<Ready>,
  failed: ErrorCode = 'INTERNAL',
): void {
  const port = parentPort;
  if (port === null) throw new Error('only a worker thread has a near end');
  const send = (message: FromThread, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  const refuse = (id: number, thrown: unknown, code: ErrorCode) => {
    const { code: known, detail } = toDepthcastError(thrown, code);
    send({ id, error: { code: known, detail } });
  };
  const memory: ArrayBuffer[] = [];
  const aborted = new Set<number>();
  let begun = START;

  const answer = async (id: number, call: keyof C, value: unknown): Promise<void> => {
    if (id === NOTICE) {
      await handlers[call](value as Taken<C[keyof C]>, []);
      return;
    }
    begun = id;
    if (aborted.delete(id)) return;
    memory.length = 0;
    try {
      send({ id, value: await handlers[call](value as Taken<C[keyof C]>, memory) }, memory);
    } catch (thrown) {
      refuse(id, thrown, failed);
    }
  };
  let turn = (async () => {
    try {
      send({ id: START, value: await start() });
    } catch (thrown) {
      refuse(START, thrown, 'INTERNAL');
      process.exit();
    }
  })();
  port.on('message', (message: ToThread<C>) => {
    if (message === 'end') process.exit();
    if ('abort' in message) {
      for (const id of message.abort) if (id > begun) aborted.add(id);
      return;
    }
    const { id, call, value } = message;
    turn = turn.then(() => answer(id, call, value));
  });
}
