import { type MessagePort, parentPort } from 'node:worker_threads';
import { type ErrorCode, toPlain } from './errors.ts';
import { type Calls, type FromThread, type Given, NOTICE, START, type Taken, type ToThread } from './worker-channel.ts';

/** What the thread does; memory put into `transfer` moves to the near end with the answer. */
export type Handlers<C extends Calls<C>> = {
  [K in keyof C]: (value: Taken<C[K]>, transfer: ArrayBuffer[]) => Given<C[K]> | Promise<Given<C[K]>>;
};

export interface AnswerOptions {
  /** Code of failures that have none. */
  failed?: ErrorCode;
  /** Each request is begun when it comes, in their order, and answered when it is done: none waits for another. */
  atOnce?: boolean;
}

/**
 * The far end of a WorkerChannel: answers requests in their order, one at a time, or each {@link AnswerOptions.atOnce | at once}.
 *
 * The thread ends itself between two of them. `Worker.terminate` must not be used where a thread may be in onnxruntime: the
 * native code finds its JavaScript gone and aborts the whole process.
 * @param start what comes before the first; a failure ends the thread
 * @returns serves a port too, by which another thread asks: its requests take turns with all others. `closed` is called in
 *   its turn when that thread has left or is gone
 */
export function answerRequests<C extends Calls<C>, Ready>(
  handlers: Handlers<C>,
  start: () => Ready | Promise<Ready>,
  { failed = 'INTERNAL', atOnce = false }: AnswerOptions = {},
): (port: MessagePort, handlers: Handlers<C>, closed: () => void) => void {
  const port = nearEnd();
  let turn: Promise<unknown> = Promise.resolve();
  const take: Take = atOnce
    ? (run) => void ready.then(run)
    : (run) => {
        turn = turn.then(run);
      };
  const farEnd = (itsPort: MessagePort, itsHandlers: Handlers<C>) =>
    new FarEnd(itsPort, itsHandlers, failed, take, atOnce ? undefined : []);
  const own = farEnd(port, handlers);
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
    const end = farEnd(other, itsHandlers);
    other.once('close', () => {
      end.closed = true;
      take(closed);
    });
    end.begin(ready, () => other.close());
  };
}

/** Tells the near end what it did not ask for. */
export function tellNearEnd<Told>(told: Told): void {
  nearEnd().postMessage({ told } satisfies FromThread);
}

function nearEnd(): MessagePort {
  if (parentPort === null) throw new Error('only a worker thread has a near end');
  return parentPort;
}

type Take = (run: () => unknown) => void;

/** One near end's requests. */
class FarEnd<C extends Calls<C>> {
  /** Whoever asked is gone. */
  closed = false;
  readonly #port: MessagePort;
  readonly #handlers: Handlers<C>;
  readonly #failed: ErrorCode;
  readonly #take: Take;
  /** What moves with an answer: one list for all where they come one at a time. */
  readonly #memory: ArrayBuffer[] | undefined;
  readonly #aborted = new Set<number>();
  #begun = START;

  constructor(
    port: MessagePort,
    handlers: Handlers<C>,
    failed: ErrorCode,
    take: Take,
    memory: ArrayBuffer[] | undefined,
  ) {
    this.#port = port;
    this.#handlers = handlers;
    this.#failed = failed;
    this.#take = take;
    this.#memory = memory;
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
    this.#send({ id, error: toPlain(thrown, code) });
  }

  async #answer(id: number, call: keyof C, value: unknown): Promise<void> {
    if (this.closed) return;
    if (id === NOTICE) {
      await this.#handlers[call](value as Taken<C[keyof C]>, []);
      return;
    }
    this.#begun = id;
    if (this.#aborted.delete(id)) return;
    const memory = this.#memory ?? [];
    memory.length = 0;
    try {
      this.#send({ id, value: await this.#handlers[call](value as Taken<C[keyof C]>, memory) }, memory);
    } catch (thrown) {
      this.refuse(id, thrown, this.#failed);
    }
  }

  #send(message: FromThread, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
