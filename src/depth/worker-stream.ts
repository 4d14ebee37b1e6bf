import { DepthcastError } from '../errors.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { allowedSizes } from '../model/size.ts';
import { networkSize } from './network-size.ts';
import type { DepthMap, InferenceStream, NetworkImage, OpenOptions, ResetCause, StreamOptions } from './types.ts';
import { type FromWorker, sharedNow, type ToWorker } from './worker-protocol.ts';

type Floats = Float32Array<ArrayBuffer>;
type Outcome = Extract<FromWorker, { case: 'depth' | 'failed' }>;

interface Link {
  /** False when no worker is there to take the message. */
  post(message: ToWorker, transfer: ArrayBuffer[]): boolean;
  closed(): void;
}

interface Waiting {
  width: number;
  height: number;
  resolve(map: DepthMap): void;
  reject(error: DepthcastError): void;
}

/** Maps that consumers may hold before fresh memory is no longer kept for reuse. */
const MAX_SPARES = 4;

/** The main thread's end of one stream in a depth worker; recycles the buffers that travel between the two. */
export class WorkerStream implements InferenceStream {
  readonly options: StreamOptions;
  /** performance.now() when the network came to the frame under way; 0 when there is none. */
  busySince = 0;
  readonly #id: number;
  readonly #model: ModelManifest;
  readonly #link: Link;
  readonly #maxInFlight: number;
  /** In the order of their frames. */
  readonly #waiting: Waiting[] = [];
  #images: Floats[] = [];
  #spares: Floats[] = [];
  #epoch: number;
  #reset: ResetCause | undefined;
  #closed = false;

  constructor(id: number, model: ModelManifest, open: OpenOptions, link: Link) {
    const { maxInFlight = 1, firstEpoch = 0, ...options } = open;
    this.#id = id;
    this.#model = model;
    this.#maxInFlight = maxInFlight;
    this.#link = link;
    this.#epoch = firstEpoch - 1;
    this.options = { size: allowedSizes(model).default, range: 'auto', sceneCuts: true, gapSeconds: 2, ...options };
    networkSize(model, 4, 3, this.options.size);
  }

  get epoch(): number {
    return this.#epoch;
  }

  networkSize(sourceWidth: number, sourceHeight: number): { width: number; height: number } {
    return networkSize(this.#model, sourceWidth, sourceHeight, this.options.size);
  }

  takeInput(width: number, height: number): NetworkImage {
    const length = 3 * width * height;
    let data = this.#images.pop();
    if (data?.length !== length) data = new Float32Array(length);
    return { data, width, height };
  }

  infer(image: NetworkImage, time: number): Promise<DepthMap> {
    if (this.#closed) return Promise.reject(new DepthcastError('WORKER_DIED', { detail: 'the stream is closed' }));
    if (this.#waiting.length >= this.#maxInFlight)
      return Promise.reject(new DepthcastError('INTERNAL', { detail: 'a frame is under way' }));
    const { width, height } = image;
    const data = image.data as Floats;
    const spare = this.#spares.pop();
    const { size: _, ...options } = this.options;
    const posted = this.#link.post(
      {
        case: 'infer',
        value: {
          stream: this.#id,
          image: data,
          width,
          height,
          time,
          options,
          reset: this.#reset,
          spare,
          postedAt: sharedNow(),
        },
      },
      spare ? [data.buffer, spare.buffer] : [data.buffer],
    );
    if (!posted) return Promise.reject(new DepthcastError('WORKER_DIED'));
    this.#reset = undefined;
    this.busySince ||= performance.now();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ width, height, resolve, reject });
    });
  }

  reset(): void {
    this.#reset = 'request';
  }

  setOptions(options: Partial<StreamOptions>): void {
    networkSize(this.#model, 4, 3, options.size ?? this.options.size);
    Object.assign(this.options, options);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#link.post({ case: 'close', value: this.#id }, []);
    this.#link.closed();
    this.#rejectAll(new DepthcastError('WORKER_DIED', { detail: 'the stream was closed' }));
    this.#images = [];
    this.#spares = [];
  }

  /** An answer of the worker. */
  settle(message: Outcome): void {
    const waiting = this.#waiting.shift();
    this.busySince = this.#waiting.length > 0 ? performance.now() : 0;
    if (this.#images.length < this.#maxInFlight) this.#images.push(message.value.image);
    if (waiting === undefined) return;
    if (message.case === 'failed') {
      waiting.reject(new DepthcastError(message.value.code, message.value));
      return;
    }
    const { values, range, reset, timings } = message.value;
    if (reset) this.#epoch++;
    let held = true;
    const release = () => {
      if (held && !this.#closed && this.#spares.length < MAX_SPARES) this.#spares.push(values);
      held = false;
    };
    const { width, height } = waiting;
    waiting.resolve({ values, width, height, epoch: this.#epoch, range, reset, timings, release });
  }

  workerDied(error: DepthcastError): void {
    this.#reset = 'restart';
    this.#images = [];
    this.#rejectAll(error);
  }

  #rejectAll(error: DepthcastError): void {
    this.busySince = 0;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
