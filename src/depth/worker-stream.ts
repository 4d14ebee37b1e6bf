import { DepthcastError } from '../errors.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { allowedSizes } from '../model/size.ts';
import { checkSize, networkSize } from './network-size.ts';
import { sizeLadder } from './size-ladder.ts';
import type { DepthMap, InferenceStream, NetworkImage, OpenOptions, ResetCause, StreamOptions } from './types.ts';
import { type DepthChannel, type InferAnswer, sharedNow } from './worker-protocol.ts';

type Floats = Float32Array<ArrayBuffer>;

interface Link {
  /** Undefined while no worker is there. */
  channel(): DepthChannel | undefined;
  closed(): void;
}

/** What a worker has been asked to get ready for. */
interface Prepared {
  readonly channel: DepthChannel;
  readonly width: number;
  readonly height: number;
  /** The same object for the same picture and size of the options. */
  picture: object;
  readonly reduced: number;
  readonly done: Promise<void>;
}

/** Maps that consumers may hold before fresh memory is no longer kept for reuse. */
const MAX_SPARES = 4;

/** The main thread's end of one stream in a depth worker; recycles the buffers that travel between the two. */
export class WorkerStream implements InferenceStream {
  readonly options: StreamOptions;
  readonly #id: number;
  readonly #model: ModelManifest;
  readonly #link: Link;
  readonly #maxInFlight: number;
  #inFlight = 0;
  #images: Floats[] = [];
  #spares: Floats[] = [];
  #epoch: number;
  #reset: ResetCause | undefined;
  #prepared: Prepared | undefined;
  #ladder: readonly number[];
  /** What the next frame is of. */
  #picture = { width: 0, height: 0, size: 0 };
  #closed = false;

  constructor(id: number, model: ModelManifest, open: OpenOptions, link: Link) {
    const { maxInFlight = 1, firstEpoch = 0, ...options } = open;
    this.#id = id;
    this.#model = model;
    this.#maxInFlight = maxInFlight;
    this.#link = link;
    this.#epoch = firstEpoch - 1;
    const size = allowedSizes(model).default;
    this.options = { size, reduced: 0, range: 'auto', sceneCuts: true, gapSeconds: 2, ...options };
    checkSize(model, this.options.size);
    this.#ladder = sizeLadder(model, this.options.size);
  }

  get epoch(): number {
    return this.#epoch;
  }

  get size(): number {
    return this.#ladder[Math.min(this.options.reduced, this.#ladder.length - 1)]!;
  }

  networkSize(sourceWidth: number, sourceHeight: number): { width: number; height: number } {
    const { width, height, size } = this.#picture;
    if (sourceWidth !== width || sourceHeight !== height || size !== this.options.size)
      this.#picture = { width: sourceWidth, height: sourceHeight, size: this.options.size };
    return networkSize(this.#model, sourceWidth, sourceHeight, this.size);
  }

  takeInput(width: number, height: number): NetworkImage {
    const length = 3 * width * height;
    let data = this.#images.pop();
    if (data?.length !== length) data = new Float32Array(length);
    return { data, width, height };
  }

  infer(image: NetworkImage, time: number, last?: number): Promise<DepthMap> {
    if (this.#closed) return Promise.reject(new DepthcastError('WORKER_DIED', { detail: 'the stream is closed' }));
    if (this.#inFlight >= this.#maxInFlight)
      return Promise.reject(new DepthcastError('INTERNAL', { detail: 'a frame is under way' }));
    const channel = this.#link.channel();
    if (channel === undefined) return Promise.reject(new DepthcastError('WORKER_DIED'));
    this.#inFlight++;
    return this.#prepare(channel, image.width, image.height)
      .then(() => this.#post(channel, image, time, last))
      .then(this.#take, this.#failed);
  }

  reset(): void {
    this.#reset = 'request';
  }

  setOptions(options: Partial<StreamOptions>): void {
    if (options.size !== undefined) checkSize(this.#model, options.size);
    Object.assign(this.options, options);
    if (options.size !== undefined) this.#ladder = sizeLadder(this.#model, options.size);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const channel = this.#link.channel();
    channel?.abort(this, new DepthcastError('WORKER_DIED', { detail: 'the stream was closed' }));
    channel?.notify('close', this.#id);
    this.#link.closed();
    this.#images = [];
    this.#spares = [];
  }

  /** A request of its own, before the first frame of a size: it may take far longer than a frame that hangs. */
  #prepare(channel: DepthChannel, width: number, height: number): Promise<void> {
    const last = this.#prepared;
    if (last?.channel === channel && last.width === width && last.height === height) {
      last.picture = this.#picture;
      return last.done;
    }
    // Once the frames before it are on their way. It is not aborted with the stream: what takes so long goes on anyway.
    const before = last?.done.catch(() => {}) ?? Promise.resolve();
    const picture = this.#picture;
    const { reduced } = this.options;
    const carry = last?.channel === channel && last.picture === picture && last.reduced !== reduced;
    const done = before.then(() => {
      this.#check(channel);
      return channel.request('prepare', { stream: this.#id, width, height, carry });
    });
    const prepared: Prepared = { channel, width, height, picture, reduced, done };
    this.#prepared = prepared;
    done.catch(() => {
      // The next frame tries again.
      if (this.#prepared === prepared) this.#prepared = undefined;
    });
    return done;
  }

  #post(
    channel: DepthChannel,
    { data: image, width, height, focal }: NetworkImage,
    time: number,
    last: number | undefined,
  ): Promise<InferAnswer> {
    this.#check(channel);
    const data = image as Floats;
    const spare = this.#spares.pop();
    const { size: _size, reduced: _reduced, ...options } = this.options;
    const stream = this.#id;
    const reset = this.#reset;
    this.#reset = undefined;
    return channel.request(
      'infer',
      { stream, image: data, width, height, focal, time, last, options, reset, spare, postedAt: sharedNow() },
      spare ? [data.buffer, spare.buffer] : [data.buffer],
      this,
    );
  }

  #check(channel: DepthChannel): void {
    if (this.#closed) throw new DepthcastError('WORKER_DIED', { detail: 'the stream was closed' });
    if (this.#link.channel() !== channel) throw new DepthcastError('WORKER_DIED');
  }

  /** The worker is gone, and this stream's temporal memory with it. */
  workerDied(): void {
    this.#reset = 'restart';
    this.#images = [];
  }

  readonly #take = ({ image, values, width, height, range, reset, timings }: InferAnswer): DepthMap => {
    this.#inFlight--;
    if (this.#images.length < this.#maxInFlight) this.#images.push(image);
    if (reset) this.#epoch++;
    let held = true;
    const release = () => {
      if (held && !this.#closed && this.#spares.length < MAX_SPARES) this.#spares.push(values);
      held = false;
    };
    return { values, width, height, epoch: this.#epoch, range, reset, timings, release };
  };

  readonly #failed = (error: DepthcastError): never => {
    this.#inFlight--;
    throw error;
  };
}
