import type { Worker } from 'node:worker_threads';
import { DepthcastError } from '../errors.ts';
import { startThread } from '../threads.ts';
import type { FromPainter, PaintAnswer, PaintBoot, PaintRequest, ToPainter } from './paint-protocol.ts';

interface Waiting {
  resolve(answer: PaintAnswer): void;
  reject(error: DepthcastError): void;
}

/** The near end of the painting thread. */
export class PaintThread {
  readonly #worker: Worker;
  /** When it can be used, closed its files, is gone. */
  readonly #ready = deferred();
  readonly #finished = deferred();
  readonly #gone: Promise<void>;
  /** In the order of their requests. */
  readonly #waiting: Waiting[] = [];
  #error: DepthcastError | undefined;

  constructor(boot: PaintBoot) {
    this.#worker = startThread(import.meta.url, './paint-worker', { name: 'painter', workerData: boot });
    this.#worker.on('message', (message: FromPainter) => this.#take(message));
    this.#worker.on('error', ({ message: detail }) => this.#fail(new DepthcastError('INTERNAL', { detail })));
    this.#gone = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#fail(new DepthcastError('INTERNAL', { detail: 'the painting thread is gone' }));
        resolve();
      });
    });
    this.#ready.promise.catch(() => {});
    this.#finished.promise.catch(() => {});
  }

  /** @throws DepthcastError DISK_FULL, BAD_OPTION, BAD_ARRAY */
  open(): Promise<void> {
    return this.#ready.promise;
  }

  /** @throws DepthcastError DISK_FULL */
  paint(request: PaintRequest): Promise<PaintAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#error) return reject(this.#error);
      this.#waiting.push({ resolve, reject });
      const memory = [request.values, request.shades?.data, request.picture, request.map].filter(
        (one) => one !== undefined,
      );
      this.#post(
        { case: 'paint', value: request },
        memory.map((one) => one.buffer),
      );
    });
  }

  /** Closes the archive as well as it can, and ends the thread. @throws DepthcastError DISK_FULL, if not told before */
  async finish(): Promise<void> {
    const before = this.#error;
    this.#post({ case: 'finish' });
    await this.#finished.promise.finally(() => this.#gone);
    if (this.#error && !before) throw this.#error;
  }

  #post(message: ToPainter, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #take(message: FromPainter): void {
    if (message.case === 'ready') this.#ready.resolve();
    if (message.case === 'painted') this.#waiting.shift()?.resolve(message.value);
    if (message.case === 'failed') this.#fail(new DepthcastError(message.value.code, message.value));
    if (message.case === 'finished') this.#finished.resolve();
  }

  #fail(error: DepthcastError): void {
    // Ending after the last file was closed is no failure; nothing waits then.
    this.#ready.reject(error);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    if (error.code === 'INTERNAL') this.#finished.reject(error);
    else this.#error ??= error;
  }
}

interface Deferred {
  promise: Promise<void>;
  resolve(): void;
  reject(error: DepthcastError): void;
}

function deferred(): Deferred {
  let ends: Omit<Deferred, 'promise'> | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    ends = { resolve, reject };
  });
  return { promise, resolve: () => ends?.resolve(), reject: (error) => ends?.reject(error) };
}
