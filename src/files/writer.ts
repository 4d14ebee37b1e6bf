import type { Worker } from 'node:worker_threads';
import { DepthcastError } from '../errors.ts';
import { startThread } from '../threads.ts';
import type { WrittenMap } from './depth-writer.ts';
import type { FromWriter, ToWriter, WriterBoot } from './writer-protocol.ts';

/** Maps that may wait for the writing thread. */
const MAX_WAITING = 3;

/** The near end of the writing thread. */
export class Writer {
  readonly #worker: Worker;
  readonly #ready: Promise<void>;
  readonly #ended: Promise<void>;
  #spares: Float32Array<ArrayBuffer>[] = [];
  #colours: Uint8Array<ArrayBuffer>[] = [];
  #underWay = 0;
  #error: DepthcastError | undefined;
  /** Whoever waits for room, or for the end. */
  #wake: (() => void) | undefined;
  #finished = false;
  #exited = false;

  constructor(options: WriterBoot) {
    this.#worker = startThread(import.meta.url, './writer-worker', { name: 'writer', workerData: options });
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#ready = new Promise((resolve) => {
      this.#worker.on('message', (message: FromWriter) => {
        if (message.case === 'ready') resolve();
        if (message.case === 'written') {
          this.#underWay--;
          this.#spares.push(message.value.values);
          if (message.value.colour) this.#colours.push(message.value.colour);
        }
        if (message.case === 'failed') this.#error ??= new DepthcastError(message.value.code, message.value);
        if (message.case === 'finished') this.#finished = true;
        if (message.case === 'failed') resolve();
        this.#wake?.();
      });
      const died = (detail: string) => {
        this.#exited = true;
        this.#error ??= new DepthcastError('INTERNAL', { detail: `the writing thread ended: ${detail}` });
        resolve();
        this.#wake?.();
      };
      this.#worker.on('error', (error) => died(error.message));
      this.#worker.on('exit', (code) => died(`exit code ${code}`));
    });
  }

  /** Memory for a map's values, used before where some is free. */
  takeValues(length: number): Float32Array<ArrayBuffer> {
    const spare = this.#spares.pop();
    return spare?.length === length ? spare : new Float32Array(length);
  }

  takeColour(length: number): Uint8Array<ArrayBuffer> {
    const spare = this.#colours.pop();
    return spare?.length === length ? spare : new Uint8Array(length);
  }

  /** Opens the files. @throws DepthcastError DISK_FULL, CODEC_FAILED, BAD_OPTION */
  async open(): Promise<void> {
    await this.#ready;
    if (this.#error) throw this.#error;
  }

  /** Hands a map over, its memory with it; resolves when there is room for the next. @throws what writing failed with */
  async write(map: WrittenMap): Promise<void> {
    if (this.#error) throw this.#error;
    this.#underWay++;
    const transfer = [map.values.buffer as ArrayBuffer, ...(map.colour ? [map.colour.buffer as ArrayBuffer] : [])];
    this.#worker.postMessage({ case: 'write', value: map } satisfies ToWriter, transfer);
    await this.#until(() => this.#underWay < MAX_WAITING);
    if (this.#error) throw this.#error;
  }

  /** Writes what waits, closes the files as well as it can and ends the thread. @throws what writing failed with */
  async finish(): Promise<void> {
    const failed = this.#error;
    if (!this.#finished && !this.#exited) {
      this.#error = undefined;
      this.#worker.postMessage({ case: 'finish' } satisfies ToWriter);
      while (!this.#finished && !this.#exited)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    const error = failed ?? this.#error;
    await this.#ended;
    if (error) throw error;
  }

  async #until(met: () => boolean): Promise<void> {
    while (!met() && !this.#error)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }
}
