import { MessagePort, type Worker } from 'node:worker_threads';
import { DepthcastError, type ErrorCode, fromPlain, type PlainError } from './errors.ts';

/** A thread that was asked to end and has not after this long is not waited for. */
const END_MS = 5000;
/** Number of the thread's start among the requests, and of what wants no answer. */
export const START = 0;
export const NOTICE = -1;

/** What moves with a message. */
type Memory = readonly (ArrayBuffer | MessagePort)[];
const NO_MEMORY: Memory = [];

/** What a thread can be asked for: functions by name, each of one value that can be cloned. */
export type Calls<C> = { [K in keyof C]: (value: never) => unknown };
export type Taken<F> = F extends (value: infer V) => unknown ? V : never;
export type Given<F> = F extends (value: never) => infer R ? Awaited<R> : never;

export type ToThread<C> = { id: number; call: keyof C; value: unknown } | { abort: readonly number[] } | 'end';
export type FromThread = { id: number; value: unknown } | { id: number; error: PlainError } | { told: unknown };

interface Pending {
  call: unknown;
  owner: unknown;
  resolve(value: never): void;
  reject(error: DepthcastError): void;
}

/** What a channel says by itself; `Told` is what the thread does, by `tellNearEnd`. */
export interface ChannelEvents<Told> {
  /** In the order of the thread's answers; nothing more once the channel has failed. */
  told?(what: Told): void;
  /** The thread has ended, or the port to it was closed: what waits is rejected next, unless {@link WorkerChannel.fail} is called here. */
  lost?(error: DepthcastError): void;
}

/**
 * The near end of a worker thread that answers requests, one after another or, where its far end says so, each at once;
 * `answerRequests` is that far end. Each request settles once: answered, failed, aborted, or rejected because the thread died.
 *
 * Of a thread that another one started, it is the near end of a port to it; the thread outlasts that one.
 */
export class WorkerChannel<C extends Calls<C>, Ready = void, Told = never> {
  /** The thread has started; rejects with what kept it from that. */
  readonly ready: Promise<Ready>;
  /** The thread has ended, or the port to it was closed; the value says how. */
  readonly gone: Promise<DepthcastError>;
  /** performance.now() since when the thread has been at one request, where they take turns; 0 while it has none. */
  busySince = 0;
  readonly #thread: Worker | MessagePort;
  readonly #died: ErrorCode;
  readonly #events: ChannelEvents<Told>;
  readonly #pending = new Map<number, Pending>();
  #next = START + 1;
  #error: DepthcastError | undefined;

  /** @param died code of what requests are rejected with when the thread is gone */
  constructor(thread: Worker | MessagePort, died: ErrorCode, events: ChannelEvents<Told> = {}) {
    this.#thread = thread;
    this.#died = died;
    this.#events = events;
    this.ready = this.#wait(START, undefined, undefined);
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => {
      const ended = (detail: string) => {
        const error = new DepthcastError(died, { detail });
        events.lost?.(error);
        this.fail(error);
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
    link.on('message', (message: FromThread) => this.#take(message));
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
    this.fail(new DepthcastError(this.#died, { detail: 'the thread was ended' }));
  }

  /** Rejects what waits and what comes later, and leaves the thread as it is. */
  fail(error: DepthcastError): void {
    this.#error ??= error;
    this.busySince = 0;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** Goes on without the thread: rejects what waits. It ends by itself if it ever comes back. */
  abandon(error: DepthcastError): void {
    this.fail(error);
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

  #take(message: FromThread): void {
    if ('told' in message) {
      if (!this.#error) this.#events.told?.(message.told as Told);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    this.busySince = this.#pending.size > 0 ? performance.now() : 0;
    if ('error' in message) pending?.reject(fromPlain(message.error));
    else pending?.resolve(message.value as never);
  }
}
