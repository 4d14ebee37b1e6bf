import { MessagePort, parentPort, type Worker } from 'node:worker_threads';
import { DepthcastError, type ErrorCode, toDepthcastError } from './errors.ts';

/** A thread that was asked to end and has not after this long is not waited for. */
const END_MS = 5000;
/** Number of the thread's start among the requests, and of what wants no answer. */
const START = 0;
const NOTICE = -1;

/** What moves with a message. */
type Memory = readonly (ArrayBuffer | MessagePort)[];
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
 *
 * Of a thread that another one started, it is the near end of a port to it; the thread outlasts that one.
 */
export class WorkerChannel<C extends Calls<C>, Ready = void> {
  /** The thread has started; rejects with what kept it from that. */
  readonly ready: Promise<Ready>;
  /** The thread has ended, or the port to it was closed; the value says how. */
  readonly gone: Promise<DepthcastError>;
  /** performance.now() since when the thread has been at one request; 0 while it has none. */
  busySince = 0;
  readonly #thread: Worker | MessagePort;
  readonly #died: ErrorCode;
  readonly #pending = new Map<number, Pending>();
  #next = START + 1;
  #error: DepthcastError | undefined;

  /** @param died code of what requests are rejected with when the thread is gone */
  constructor(thread: Worker | MessagePort, died: ErrorCode) {
    this.#thread = thread;
    this.#died = died;
    this.ready = this.#wait(START, undefined, undefined);
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => {
      const ended = (detail: string) => {
        const error = new DepthcastError(died, { detail });
        this.#fail(error);
        resolve(error);
      };
      if (thread instanceof MessagePort) thread.once('close', () => ended('the port to its thread was closed'));
      else {
        let crash: string | undefined;
        thread.on('error', ({ message }: Error) => {
          crash = message;
        });
        thread.once('exit', (code) => ended(crash ?? `exit code ${code}`));
      }
    });
    const link = thread as Pick<MessagePort, 'on'>;
    link.on('message', (message: FromThread) => this.#settle(message));
    // An answer that cannot be read is one that never comes.
    link.on('messageerror', (error) => this.abandon(new DepthcastError(died, { detail: error.message })));
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
  notify<K extends keyof C>(call: K, value: Taken<C[K]>, transfer = NO_MEMORY): void {
    if (!this.#error) this.#post({ id: NOTICE, call, value }, transfer);
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

  /** Asks the thread to end as soon as it is at no request, or closes the port to it; settles when it has, or does not soon. */
  async end(): Promise<void> {
    this.#leave();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.gone,
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, END_MS);
      }),
    ]);
    clearTimeout(timer);
    // Inside native code still, perhaps: it does not keep the process from ending.
    this.#thread.unref();
    this.#fail(new DepthcastError(this.#died, { detail: 'the thread was ended' }));
  }

  /** Goes on without the thread: rejects what waits. It ends by itself if it ever comes back. */
  abandon(error: DepthcastError): void {
    this.#fail(error);
    this.#leave();
    this.#thread.unref();
  }

  #leave(): void {
    if (this.#thread instanceof MessagePort) this.#thread.close();
    else this.#post('end', NO_MEMORY);
  }

  #post(message: ToThread<C>, transfer: Memory): void {
    this.#thread.postMessage(message, transfer);
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
 * @returns serves a port too, by which another thread asks: its requests take turns with all others. `closed` is called in
 *   its turn when that thread has left or is gone
 */
export function answerRequests<C extends Calls<C>, Ready>(
  handlers: Handlers<C>,
  start: () => Ready | Promise<Ready>,
  failed: ErrorCode = 'INTERNAL',
): (port: MessagePort, handlers: Handlers<C>, closed: () => void) => void {
  const port = parentPort;
  if (port === null) throw new Error('only a worker thread has a near end');
  let turn: Promise<unknown> = Promise.resolve();
  const take = (run: () => unknown) => {
    turn = turn.then(run);
  };
  const own = new FarEnd(port, handlers, failed, take);
  const ready = (async () => {
    try {
      return await start();
    } catch (thrown) {
      own.refuse(START, thrown, 'INTERNAL');
      process.exit();
    }
  })();
  own.begin(ready, () => process.exit());
  return (other, itsHandlers, closed) => {
    const end = new FarEnd(other, itsHandlers, failed, take);
    other.once('close', () => {
      end.closed = true;
      take(closed);
    });
    end.begin(ready, () => other.close());
  };
}

/** One near end's requests. */
class FarEnd<C extends Calls<C>> {
  /** Whoever asked is gone. */
  closed = false;
  readonly #port: MessagePort;
  readonly #handlers: Handlers<C>;
  readonly #failed: ErrorCode;
  readonly #take: (run: () => unknown) => void;
  readonly #memory: ArrayBuffer[] = [];
  readonly #aborted = new Set<number>();
  #begun = START;

  constructor(port: MessagePort, handlers: Handlers<C>, failed: ErrorCode, take: (run: () => unknown) => void) {
    this.#port = port;
    this.#handlers = handlers;
    this.#failed = failed;
    this.#take = take;
  }

  begin(ready: Promise<unknown>, end: () => void): void {
    this.#take(async () => this.#send({ id: START, value: await ready }));
    this.#port.on('message', (message: ToThread<C>) => {
      if (message === 'end') end();
      else if ('abort' in message) {
        for (const id of message.abort) if (id > this.#begun) this.#aborted.add(id);
      } else {
        const { id, call, value } = message;
        this.#take(() => this.#answer(id, call, value));
      }
    });
  }

  refuse(id: number, thrown: unknown, code: ErrorCode): void {
    const { code: known, detail } = toDepthcastError(thrown, code);
    this.#send({ id, error: { code: known, detail } });
  }

  async #answer(id: number, call: keyof C, value: unknown): Promise<void> {
    if (this.closed) return;
    if (id === NOTICE) {
      await this.#handlers[call](value as Taken<C[keyof C]>, []);
      return;
    }
    this.#begun = id;
    if (this.#aborted.delete(id)) return;
    this.#memory.length = 0;
    try {
      this.#send({ id, value: await this.#handlers[call](value as Taken<C[keyof C]>, this.#memory) }, this.#memory);
    } catch (thrown) {
      this.refuse(id, thrown, this.#failed);
    }
  }

  #send(message: FromThread, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
