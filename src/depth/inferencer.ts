import './no-telemetry.ts';
import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { DepthcastError } from '../errors.ts';
import type { InstalledModel } from '../model/library.ts';
import type { ModelManifest } from '../model/manifest.ts';
import type { Size } from '../model/size.ts';
import { startThread } from '../threads.ts';
import { WorkerChannel } from '../worker-channel.ts';
import type { RefusedDevice } from './device-choice.ts';
import type { DeviceOptions } from './engine-set.ts';
import { DeviceLock } from './engines/device-lock.ts';
import { freeDevice, shareDevice } from './engines/device-memory.ts';
import { COMPILE_MS, HangWatch, WATCH_MS } from './hang-watch.ts';
import { StreamCount } from './stream-count.ts';
import type { Inferencer, InferenceStream, OpenOptions } from './types.ts';
import { Activity, type DepthCalls, type DepthChannel, type WorkerBoot, type WorkerReady } from './worker-protocol.ts';
import { WorkerStream } from './worker-stream.ts';

/** Waits before restarts of a worker that keeps dying; the first is at once. */
const RESTART_DELAYS_MS = [0, 200, 1000, 5000];
/** A worker that lived this long has earned an immediate restart. */
const STABLE_MS = 60_000;
const START_TIMEOUT_MS = 120_000;
/** For the first start, which cannot be tried again: the process that gives it up ends, and cannot do so in order while native code loads. */
const FIRST_START_MS = COMPILE_MS;
/** Deaths of a worker on a device, each soon after the last, after which `auto` goes on on the CPU. */
const MAX_DEVICE_DEATHS = 3;
/** One for the process: who is in the device's native code, which is not made for two threads, and what of its memory is taken. */
const SHARED_DEVICE = shareDevice();
/** Of all inferencers: those on a device have little to do on the CPU, but are no company for a stream that wants all of it. */
const STREAMS = new StreamCount(SHARED_DEVICE.streams);

export interface InferencerOptions extends Omit<DeviceOptions, 'shared'> {
  threads?: number;
  threadsAlone?: number | undefined;
  size?: number | undefined;
  picture?: Size | undefined;
  yields?: boolean;
}

interface InferencerEvents {
  /** The worker died or hung; a new one is being started. Ports of `connect` are dead. */
  restart: [reason: string];
  /** The next worker is up. */
  up: [];
  /** The device was given up for the CPU. */
  fallback: [reason: string];
}

/**
 * Runs a depth network on this machine, on its CPU or a device, in a worker thread of its own. A worker that dies takes its streams'
 * temporal memory with it, not the streams: they go on in the next worker with a new epoch.
 */
export class WorkerInferencer extends EventEmitter<InferencerEvents> implements Inferencer {
  #model: ModelManifest;
  /** Restarts so far. */
  restarts = 0;
  readonly #boot: WorkerBoot;
  readonly #activity = new Activity();
  readonly #streams = new Map<number, WorkerStream>();
  #guests = 0;
  #channel: DepthChannel | undefined;
  #threadId = 0;
  #capabilities: WorkerReady | undefined;
  #ready: Promise<void> = Promise.resolve();
  #startedAt = 0;
  #failures = 0;
  #deviceDeaths = 0;
  #nextStream = 0;
  readonly #hangs: HangWatch;
  #watchdog: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(boot: Omit<WorkerBoot, 'activity'>) {
    super();
    this.#model = boot.model.manifest;
    this.#boot = { ...boot, activity: this.#activity.memory };
    this.#hangs = new HangWatch(this.#activity, this.model.kind);
  }

  /**
   * Loads the model and runs it once.
   * @param threads of the network's session; 0 measures what suits it
   * @param threadsAlone as another worker of the model has them
   * @param size network size to load first; the model's default when absent
   * @param picture a size of the aspect to load it for; 4:3 when absent
   * @param yields give way to the other threads of the process, as the pace of many live streams wants; not where
   *   everything waits for the network
   * @param devices where it runs; the CPU when absent
   * @throws DepthcastError BAD_MODEL, BAD_CHECKPOINT, BAD_SIZE, BAD_OUTPUT, DEVICE_UNAVAILABLE, DEVICE_LOST
   */
  static async create(
    model: InstalledModel,
    { threads = 0, threadsAlone, size, picture, yields = true, ...devices }: InferencerOptions = {},
  ): Promise<WorkerInferencer> {
    const inferencer = new WorkerInferencer({
      model,
      threads,
      threadsAlone,
      size,
      picture,
      yields,
      devices: { ...devices, shared: SHARED_DEVICE },
    });
    inferencer.#start();
    await inferencer.#ready;
    inferencer.#watchdog = setInterval(() => inferencer.#watch(), WATCH_MS).unref();
    return inferencer;
  }

  /** Its precision is what the network is computed in, once it is loaded. */
  get model(): ModelManifest {
    return this.#model;
  }

  get device(): string {
    return this.#capabilities?.device ?? '';
  }

  /** What the worker said of its engine; undefined until the model is loaded. */
  get engine(): Omit<WorkerReady, 'refused'> | undefined {
    return this.#capabilities;
  }

  /** Devices that `auto` tried and did not take; the CPU, where it does not compute the model's own precision. */
  get refused(): readonly RefusedDevice[] {
    return this.#capabilities?.refused ?? [];
  }

  /** Whether it runs on a device that is not the CPU. */
  get accelerated(): boolean {
    return this.#capabilities !== undefined && this.#capabilities.kind !== 'cpu';
  }

  /** Of the network; 0 until the model is loaded. */
  get threads(): number {
    return this.#capabilities?.threads ?? 0;
  }

  /** Of a frame whose stream has the cores to itself; undefined where that makes no difference. */
  get threadsAlone(): number | undefined {
    return this.#capabilities?.threadsAlone;
  }

  /** How far a network of less than float32 is from its float32 self: parityError of the trial picture's map. */
  get parity(): number | undefined {
    return this.#capabilities?.parity;
  }

  get resamples(): boolean {
    return this.#capabilities?.resamples ?? false;
  }

  get usesCamera(): boolean {
    return this.#capabilities?.usesCamera ?? false;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** True while a worker is up and has run its trial frame. */
  get alive(): boolean {
    return this.#channel !== undefined && this.#startedAt > 0;
  }

  get streamCount(): number {
    return this.#streams.size + this.#guests;
  }

  /** Streams of other threads, which reach the worker by ports of `connect`; those who open them count them. */
  get guests(): number {
    return this.#guests;
  }

  set guests(count: number) {
    STREAMS.add(count - this.#guests);
    this.#guests = count;
  }

  open(options: OpenOptions = {}): InferenceStream {
    if (this.#closed) throw new DepthcastError('WORKER_DIED', { detail: 'the inferencer is closed' });
    const id = this.#nextStream++;
    const stream = new WorkerStream(id, this.model, options, {
      channel: () => (this.alive ? this.#channel : undefined),
      closed: () => {
        if (this.#streams.delete(id)) STREAMS.add(-1);
      },
    });
    this.#streams.set(id, stream);
    STREAMS.add(1);
    return stream;
  }

  /** A way for another thread to the worker of this moment; undefined while there is none. The next worker needs another: `up`. */
  connect(): MessagePort | undefined {
    if (!this.alive) return undefined;
    const { port1, port2 } = new MessageChannel();
    this.#channel!.notify('connect', port1, [port1]);
    return port2;
  }

  /** Ends the worker as a crash would. For fault tests and for an operator who wants a fresh one. */
  async kill(): Promise<void> {
    await this.#channel?.end();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watchdog);
    clearTimeout(this.#retry);
    for (const stream of [...this.#streams.values()]) stream.close();
    await this.#channel?.end();
  }

  #start(): void {
    const thread = startThread(import.meta.url, './worker', {
      name: `depth ${this.model.name}`,
      workerData: this.#boot,
    });
    const channel: DepthChannel = new WorkerChannel<DepthCalls, WorkerReady>(thread, 'WORKER_DIED');
    const threadId = thread.threadId + 1;
    this.#channel = channel;
    this.#threadId = threadId;
    this.#startedAt = 0;
    const patience = this.#mayCompile() ? COMPILE_MS : this.#everStarted ? START_TIMEOUT_MS : FIRST_START_MS;
    const detail = `the model did not load in ${patience / 1000} s; is this machine too busy?`;
    const timer = setTimeout(() => {
      this.#abandon(channel, new DepthcastError('WORKER_DIED', { detail }));
    }, patience).unref();
    this.#ready = channel.ready
      .then((capabilities) => {
        this.#startedAt = performance.now();
        this.#capabilities = capabilities;
        this.#model = { ...this.#model, precision: capabilities.precision };
        // A restart need not measure again.
        if (capabilities.kind === 'cpu')
          Object.assign(this.#boot, { threads: this.threads, threadsAlone: this.threadsAlone });
        this.emit('up');
      })
      .finally(() => clearTimeout(timer));
    // Whoever waits for the start has its own copy of the rejection.
    this.#ready.catch(() => {});
    void channel.gone.then((error) => {
      freeDevice(SHARED_DEVICE, threadId);
      if (this.#channel === channel) this.#died(error);
    });
  }

  #died(error: DepthcastError): void {
    const lived = this.#startedAt > 0 ? performance.now() - this.#startedAt : 0;
    this.#channel = undefined;
    this.#startedAt = 0;
    this.#activity.clear();
    for (const stream of this.#streams.values()) stream.workerDied();
    // A model that never loaded is refused by create(); only a worker that once ran is restarted.
    if (this.#closed || !this.#everStarted) return;
    this.#failures = lived > STABLE_MS ? 0 : this.#failures + 1;
    this.restarts++;
    this.emit('restart', error.message);
    this.#countDeviceDeath(error, lived);
    const delay = RESTART_DELAYS_MS[Math.min(Math.max(0, this.#failures - 1), RESTART_DELAYS_MS.length - 1)]!;
    this.#retry = setTimeout(() => this.#start(), delay);
  }

  /** A device that keeps being lost is given up, where the setting leaves the choice. */
  #countDeviceDeath(error: DepthcastError, lived: number): void {
    if (!this.accelerated) return;
    this.#deviceDeaths = lived > STABLE_MS ? 1 : this.#deviceDeaths + 1;
    const { devices } = this.#boot;
    if (devices.device !== 'auto' || this.#deviceDeaths < MAX_DEVICE_DEATHS) return;
    this.#boot.devices = { ...devices, device: 'cpu' };
    this.emit('fallback', `${this.device}: ${error.message}`);
  }

  get #everStarted(): boolean {
    return this.#watchdog !== undefined;
  }

  #mayCompile(): boolean {
    return this.#boot.devices.device !== undefined && this.#boot.devices.device !== 'cpu';
  }

  /** Goes on without a worker that does not answer. */
  #abandon(channel: DepthChannel, error: DepthcastError): void {
    channel.abandon(error);
    // Where it hangs in the device's driver, whoever waits for it hears of it.
    DeviceLock.giveUp(SHARED_DEVICE.lock, this.#threadId);
    if (this.#channel === channel) this.#died(error);
  }

  #watch(): void {
    const { accelerated } = this;
    // Whoever is in the driver may be compiling there; its own worker is watched too.
    const elsewhere = accelerated && DeviceLock.isHeldByOther(SHARED_DEVICE.lock, this.#threadId);
    const channel = this.#channel;
    const hangs = this.#hangs.look(channel, { accelerated, elsewhere });
    if (channel && this.alive && hangs)
      this.#abandon(channel, new DepthcastError('WORKER_DIED', { detail: 'a frame hung' }));
  }
}
