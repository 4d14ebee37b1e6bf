import { EventEmitter } from 'node:events';
import type { Config } from '../config/schema.ts';
import type { DepthMap, DisplayRange, Inferencer, InferenceStream, NetworkImage } from '../depth/types.ts';
import { DepthcastError, toDepthcastError } from '../errors.ts';
import { type Anchor, AnchorTracker } from '../geometry/anchors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Camera, type CameraSettings, type DepthFrameInfo, type DepthUnit } from '../protocol/index.ts';
import type { MatteChange, MatteSettings } from '../protocol/matte.ts';
import type { ErrorSubject } from '../protocol/messages.ts';
import type { Layout, Upsampling } from '../protocol/output.ts';
import { InputScaler, type Picture } from '../video/index.ts';
import { type Arrived, BurstRule } from './burst.ts';
import { Demand } from './demand.ts';
import { DepthReuse } from './depth-reuse.ts';
import type { DepthSink, SinkListener } from './depth-sink.ts';
import type { FrameSource } from './frame-source.ts';
import { LiveDepth } from './live-depth.ts';
import { Mailbox } from './mailbox.ts';
import { MatteControl } from './matte-control.ts';
import { MediaClock } from './media-clock.ts';
import { StreamStats } from './stream-stats.ts';

/** The same trouble is told this often, and only if there was depth since; it is counted each time. */
const TROUBLE_MS = 1000;

export interface LiveStreamEvents {
  closed: [reason: string];
  /** The first depth map was made. */
  started: [];
  /** Something went wrong with a frame or an output; the stream goes on. */
  trouble: [error: DepthcastError, about: ErrorSubject];
}

export interface LiveStreamOptions {
  name: string;
  /** Its name is a secret of its publisher's. */
  unlisted?: boolean;
  inferencer: Inferencer;
  /** One of the network's. */
  size: number;
  metrics: Metrics;
  depth: Pick<Config['depth'], 'sceneCuts' | 'gapSeconds'> & Partial<Pick<Config['depth'], 'camera'>>;
  upsampling?: Upsampling;
  /** Depth is reused while the picture does not change; off when absent. */
  still?: boolean;
}

interface Arrival extends Arrived {
  picture: Picture;
}

/** One live stream: source -> newest picture -> network -> sinks. */
export class LiveStream extends EventEmitter<LiveStreamEvents> {
  readonly name: string;
  readonly unlisted: boolean;
  readonly stats: StreamStats;
  /** What it asks of the depth workers. */
  readonly demand = new Demand();
  readonly createdAt = Date.now();
  /** How depth is brought to the size of its picture, where it is shown so; from the next frame on. */
  upsampling: Upsampling;
  /** What its mattes show. */
  readonly matte = new MatteControl();
  /** What viewers see who ask for none; undefined for that of the settings. */
  layout: Layout | undefined;
  /** Size of the last picture and of its map, and the display range: what stats show. */
  readonly last = { width: 0, height: 0, depthWidth: 0, depthHeight: 0, near: 0, far: 0, epoch: 0 };
  readonly #metrics: Metrics;
  readonly #scaler = new InputScaler();
  readonly #sinks = new Set<DepthSink>();
  readonly #burst = new BurstRule();
  readonly #mailbox = new Mailbox<Arrival>(
    (arrival) => this.#process(arrival),
    ({ picture }) => {
      this.stats.lost('dropped');
      picture.close();
    },
    (waiting, next) => this.#burst.keeps(waiting, next),
  );
  readonly #clock = new MediaClock();
  #camera: Camera;
  readonly #anchors = new AnchorTracker();
  #anchored = false;
  #inferencer: Inferencer;
  #inference: InferenceStream;
  #source: FrameSource | undefined;
  /** Where depth may be reused. */
  #reuse: DepthReuse | undefined;
  /** Input that did not go to the network. */
  #spare: NetworkImage | undefined;
  /** Media time of the last picture. */
  #lastSeconds = 0;
  #frameId = 0;
  #lastDepthAt = performance.now();
  /** The last failure since there was depth. */
  #failure: DepthcastError | undefined;
  /** performance.now() since when a picture is on its way to becoming depth. */
  #busySince: number | undefined;
  #lastTrouble = { code: '', at: 0, frames: 0 };
  #closed = false;

  /** @throws DepthcastError BAD_SIZE */
  constructor({
    name,
    unlisted = false,
    inferencer,
    size,
    metrics,
    depth,
    upsampling = 'off',
    still,
  }: LiveStreamOptions) {
    super();
    // A listener for each viewer, and `limits.viewersPerStream` bounds those.
    this.setMaxListeners(0);
    this.name = name;
    this.unlisted = unlisted;
    this.upsampling = upsampling;
    this.#metrics = metrics;
    this.#camera = new Camera(depth.camera ?? undefined);
    this.#inferencer = inferencer;
    const { sceneCuts, gapSeconds } = depth;
    this.#inference = inferencer.open({ size, sceneCuts, gapSeconds });
    this.stats = new StreamStats(metrics);
    this.setStill(still ?? false);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get source(): FrameSource | undefined {
    return this.#source;
  }

  get model(): string {
    return this.#inferencer.model.name;
  }

  /** Display range that is in force, or `auto`. */
  get range(): 'auto' | DisplayRange {
    return this.#inference.options.range;
  }

  /** Depth maps made so far. */
  get frames(): number {
    return this.#frameId;
  }

  /** Of the depth that is sent. */
  get unit(): DepthUnit {
    return this.#anchored ? 'metres' : this.#inferencer.model.unit;
  }

  /** Of the pictures: what was told of it, or what is assumed. */
  get camera(): Camera {
    return this.#camera;
  }

  /** Field of view across the last picture, degrees; undefined before the first. */
  get hfov(): number | undefined {
    const { width, height } = this.last;
    if (width === 0) return undefined;
    return (2 * Math.atan(width / (2 * this.#camera.intrinsics(width, height).fx)) * 180) / Math.PI;
  }

  /** Distances that are known, of the next picture that becomes depth. */
  anchor(anchors: readonly Anchor[]): void {
    this.#anchors.add(anchors);
  }

  /** @param settings undefined for what is assumed of any camera */
  setCamera(settings: CameraSettings | undefined): void {
    this.#camera = new Camera(settings);
  }

  /** Whether anybody receives this stream's depth now. */
  get watched(): boolean {
    return [...this.#sinks].some((sink) => sink.receivers > 0);
  }

  /** Milliseconds since the last depth map, or since the stream began. */
  get idleFor(): number {
    return performance.now() - this.#lastDepthAt;
  }

  /** What went wrong after decoding since there was depth, and how long the present picture has been worked on, in ms. */
  get trouble(): { failure: DepthcastError | undefined; waiting: number | undefined } {
    const waiting = this.#busySince === undefined ? undefined : performance.now() - this.#busySince;
    return { failure: this.#failure, waiting };
  }

  /** Times that the sender's RTP clock jumped. */
  get clockJumps(): number {
    return this.#clock.jumps;
  }

  /** Takes pictures from `source`; one that was attached before is closed. */
  attach(source: FrameSource): void {
    this.#source?.close();
    this.#source = source;
    source.start({
      picture: (picture, { assemble, decode }) => {
        this.demand.arrived();
        this.stats.arrived();
        this.stats.decoded();
        this.last.width = picture.width;
        this.last.height = picture.height;
        this.stats.stage('assemble', assemble);
        this.stats.stage('decode', decode);
        this.#mailbox.put({ picture, at: performance.now(), rtpTimestamp: picture.rtpTimestamp });
      },
      undecodable: (error) => {
        this.stats.arrived();
        this.stats.lost('undecodable', error?.code);
      },
    });
  }

  /**
   * Adds an output, which gets every depth map from now on.
   * @param make is given what the sink tells of its frames
   */
  add<S extends DepthSink>(make: (listener: SinkListener) => S): S {
    const sink: S = make({
      sent: (timing) => this.stats.sent(sink.name, timing),
      failed: (error) => this.#trouble(error, sink.about),
    });
    if (this.#closed) sink.close();
    else this.#sinks.add(sink);
    return sink;
  }

  /** Takes an output away and closes it. */
  remove(sink: DepthSink): void {
    if (this.#sinks.delete(sink)) sink.close();
  }

  /** See `setStill`. */
  get still(): 'on' | 'off' {
    return this.#reuse ? 'on' : 'off';
  }

  /** Whether depth is reused while the picture differs by no more than noise from the one that it was made of. */
  setStill(on: boolean): void {
    if (!on) this.#reuse?.forget();
    this.#reuse = on ? (this.#reuse ?? new DepthReuse()) : undefined;
  }

  /** What its mattes show, from the next frame on. @param change what of it was changed on purpose */
  setMatte({ settings, change }: { settings: MatteSettings; change: MatteChange }): void {
    this.matte.set(settings, change);
  }

  /**
   * Makes the network smaller by so many steps than its size, or no more: see `sizeLadder`. Memory goes on, so there is no new epoch;
   * where the engine cannot do that, nothing changes.
   */
  reduce(steps: number): void {
    const before = this.#inference.size;
    this.#inference.setOptions({ reduced: this.#inferencer.resamples ? steps : 0 });
    this.demand.scale((this.#inference.size / before) ** 2);
  }

  /** Whether its network can be made smaller and larger. */
  get reducible(): boolean {
    return this.#inferencer.resamples;
  }

  /** The network's size in force, and the one that was asked for. */
  get size(): { now: number; asked: number } {
    return { now: this.#inference.size, asked: this.#inference.options.size };
  }

  setRange(range: 'auto' | DisplayRange): void {
    this.#reuse?.forget();
    this.#inference.setOptions({ range });
  }

  /** @throws DepthcastError BAD_SIZE */
  setSize(size: number): void {
    this.#inference.setOptions({ size });
  }

  /** Goes on with another network, from a new epoch. @throws DepthcastError BAD_SIZE */
  setInferencer(inferencer: Inferencer, size: number): void {
    const { size: _, reduced: steps, ...options } = this.#inference.options;
    const reduced = inferencer.resamples ? steps : 0;
    this.#reuse?.forget();
    const next = inferencer.open({ ...options, reduced, size, firstEpoch: this.#inference.epoch + 1 });
    this.#inference.close();
    this.#inference = next;
    this.#inferencer = inferencer;
  }

  /** Forgets temporal memory: the next frame begins a new epoch. */
  reset(): void {
    this.#reuse?.forget();
    this.#inference.reset();
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source?.close();
    this.#mailbox.close();
    for (const sink of this.#sinks) sink.close();
    this.#sinks.clear();
    this.#reuse?.forget();
    this.#inference.close();
    if (!this.#mailbox.busy) this.#scaler.close();
    this.emit('closed', reason);
  }

  async #process({ picture, at }: Arrival): Promise<void> {
    const inference = this.#inference;
    let owner: LiveDepth | undefined;
    this.#busySince = performance.now();
    try {
      const began = performance.now();
      const { width, height } = inference.networkSize(picture.width, picture.height);
      const reduced = inference.size < inference.options.size;
      const image = this.#takeInput(inference, width, height);
      await this.#scaler.scaleInto(picture, image.data, width, height);
      const seconds = this.#clock.seconds(picture.rtpTimestamp, picture.firstPacketAt ?? at);
      const last = this.#lastSeconds;
      this.#lastSeconds = seconds;
      const reused = this.#reuse?.take(image, seconds);
      const scaled = performance.now();
      const map = reused ?? (await this.#infer(inference, image, seconds, last));
      if (reused) this.#spare = image;
      if (this.#closed || inference !== this.#inference) {
        map.release();
        this.#abandoned();
        return;
      }
      const { timings, range, epoch } = map;
      const { model } = this.#inferencer;
      this.stats.stage('preprocess', scaled - began + timings.preprocess);
      this.stats.stage('queue', began - at + timings.queue);
      if (reused) this.demand.spared();
      else {
        this.demand.took(timings.preprocess + timings.inference + timings.postprocess);
        this.stats.stage('inference', timings.inference);
        this.#metrics.observeInference(model.name, model.precision, timings.inference);
        this.stats.stage('postprocess', timings.postprocess);
      }
      this.stats.made(reused !== undefined);
      this.#lastDepthAt = performance.now();
      this.#failure = undefined;
      if (map.reset) this.#metrics.epochs.inc({ cause: map.reset });
      Object.assign(this.last, { ...range, epoch });
      this.last.depthWidth = width;
      this.last.depthHeight = height;
      const info: DepthFrameInfo = {
        frameId: this.#frameId++ >>> 0,
        epoch,
        rtpTimestamp: picture.rtpTimestamp,
        ...(picture.captureTime === undefined ? {} : { captureTime: picture.captureTime }),
        ...(picture.captureTimeError === undefined ? {} : { captureTimeError: picture.captureTimeError }),
        width,
        height,
        sourceWidth: picture.width,
        sourceHeight: picture.height,
        unit: model.unit,
        intrinsics: this.#camera.intrinsics(picture.width, picture.height),
        ...(reused ? { reused: true } : {}),
        ...(reduced ? { reduced: true } : {}),
        ...range,
      };
      const source = { picture, upsampling: this.upsampling };
      const metric = this.#anchors.update({ values: map.values, width, height, unit: model.unit, epoch }, seconds);
      this.#anchored = metric !== undefined;
      const unused = this.#anchors.takeProblem();
      if (unused !== undefined) this.#trouble(new DepthcastError('ANCHORS_UNUSED', { detail: unused }), 'message');
      owner = new LiveDepth(map, info, picture.lastPacketAt, metric, picture.identity, source, seconds);
      for (const sink of this.#sinks) sink.push(owner);
      if (this.#frameId === 1) this.emit('started');
    } catch (thrown) {
      if (this.#closed || inference !== this.#inference) {
        this.#abandoned();
        return;
      }
      this.#failure = toDepthcastError(thrown);
      this.stats.lost('failed', this.#failure.code);
      this.#trouble(this.#failure, 'depth');
    } finally {
      this.#busySince = undefined;
      if (owner) owner.release();
      else picture.close();
      if (this.#closed) this.#scaler.close();
    }
  }

  #takeInput(inference: InferenceStream, width: number, height: number): NetworkImage {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.width === width && spare.height === height ? spare : inference.takeInput(width, height);
  }

  /** @param last media time of the picture before: one that depth was reused for makes no gap */
  async #infer(inference: InferenceStream, image: NetworkImage, seconds: number, last: number): Promise<DepthMap> {
    const reuse = this.#reuse;
    const map = await inference.infer(image, seconds, last);
    return reuse && reuse === this.#reuse && inference === this.#inference && !this.#closed ? reuse.keep(map) : map;
  }

  /** A frame was under way when the stream ended, or went on with another network. */
  #abandoned(): void {
    this.stats.lost('dropped', this.#closed ? 'closed' : 'model');
  }

  #trouble(thrown: unknown, about: ErrorSubject): void {
    const error = toDepthcastError(thrown);
    this.#metrics.rejected.inc({ code: error.code });
    const now = performance.now();
    const { code, at, frames } = this.#lastTrouble;
    if (error.code === code && (now - at < TROUBLE_MS || frames === this.#frameId)) return;
    this.#lastTrouble = { code: error.code, at: now, frames: this.#frameId };
    this.emit('trouble', error, about);
  }
}
