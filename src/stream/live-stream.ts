import { EventEmitter } from 'node:events';
import type { DisplayRange, Inferencer } from '../depth/types.ts';
import { DepthcastError, toDepthcastError } from '../errors.ts';
import type { Anchor } from '../geometry/anchors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Camera, CameraSettings, DepthUnit } from '../protocol/index.ts';
import type { MatteChange, MatteSettings } from '../protocol/matte.ts';
import type { ErrorSubject } from '../protocol/messages.ts';
import type { Layout, Upsampling } from '../protocol/output.ts';
import type { Picture } from '../video/index.ts';
import { type Arrived, BurstRule } from './burst.ts';
import { Demand } from './demand.ts';
import { DepthMaker, type DepthMakerOptions } from './depth-maker.ts';
import type { DepthSink, SinkListener } from './depth-sink.ts';
import type { FrameSource } from './frame-source.ts';
import type { LiveDepth } from './live-depth.ts';
import { Mailbox } from './mailbox.ts';
import { MatteControl } from './matte-control.ts';
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

export interface LiveStreamOptions extends DepthMakerOptions {
  name: string;
  /** Its name is a secret of its publisher's. */
  unlisted?: boolean;
  upsampling?: Upsampling;
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
  readonly #maker: DepthMaker;
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
  #source: FrameSource | undefined;
  #lastDepthAt = performance.now();
  /** The last failure since there was depth. */
  #failure: DepthcastError | undefined;
  /** performance.now() since when a picture is on its way to becoming depth. */
  #busySince: number | undefined;
  #lastTrouble = { code: '', at: 0, frames: 0 };
  #closed = false;

  /** @throws DepthcastError BAD_SIZE */
  constructor({ name, unlisted = false, upsampling = 'off', ...options }: LiveStreamOptions) {
    super();
    // A listener for each viewer, and `limits.viewersPerStream` bounds those.
    this.setMaxListeners(0);
    this.name = name;
    this.unlisted = unlisted;
    this.upsampling = upsampling;
    this.#metrics = options.metrics;
    this.stats = new StreamStats(options.metrics);
    this.#maker = new DepthMaker(options, this.stats, this.demand);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get source(): FrameSource | undefined {
    return this.#source;
  }

  get model(): string {
    return this.#maker.model;
  }

  /** Display range that is in force, or `auto`. */
  get range(): 'auto' | DisplayRange {
    return this.#maker.range;
  }

  /** Depth maps made so far. */
  get frames(): number {
    return this.#maker.frames;
  }

  /** Of the depth that is sent. */
  get unit(): DepthUnit {
    return this.#maker.unit;
  }

  /** Of the pictures: what was told of it, or what is assumed. */
  get camera(): Camera {
    return this.#maker.camera;
  }

  /** Field of view across the last picture, degrees; undefined before the first. */
  get hfov(): number | undefined {
    const { width, height } = this.last;
    if (width === 0) return undefined;
    return (2 * Math.atan(width / (2 * this.camera.intrinsics(width, height).fx)) * 180) / Math.PI;
  }

  /** Distances that are known, of the next picture that becomes depth. */
  anchor(anchors: readonly Anchor[]): void {
    this.#maker.anchor(anchors);
  }

  /** @param settings undefined for what is assumed of any camera */
  setCamera(settings: CameraSettings | undefined): void {
    this.#maker.setCamera(settings);
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
    return this.#maker.clockJumps;
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
    return this.#maker.still;
  }

  /** Whether depth is reused while the picture differs by no more than noise from the one that it was made of. */
  setStill(on: boolean): void {
    this.#maker.setStill(on);
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
    this.#maker.reduce(steps);
  }

  /** Whether its network can be made smaller and larger. */
  get reducible(): boolean {
    return this.#maker.reducible;
  }

  /** The network's size in force, and the one that was asked for. */
  get size(): { now: number; asked: number } {
    return this.#maker.size;
  }

  setRange(range: 'auto' | DisplayRange): void {
    this.#maker.setRange(range);
  }

  /** @throws DepthcastError BAD_SIZE */
  setSize(size: number): void {
    this.#maker.setSize(size);
  }

  /** Goes on with another network, from a new epoch. @throws DepthcastError BAD_SIZE */
  setInferencer(inferencer: Inferencer, size: number): void {
    this.#maker.setInferencer(inferencer, size);
  }

  /** Forgets temporal memory: the next frame begins a new epoch. */
  reset(): void {
    this.#maker.reset();
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source?.close();
    this.#mailbox.close();
    for (const sink of this.#sinks) sink.close();
    this.#sinks.clear();
    this.#maker.close();
    this.emit('closed', reason);
  }

  async #process({ picture, at }: Arrival): Promise<void> {
    let made: LiveDepth | undefined;
    const began = performance.now();
    this.#busySince = began;
    try {
      made = await this.#maker.make(picture, at, this.upsampling);
      if (made === undefined) {
        this.#abandoned();
        return;
      }
      // Closed since it was made.
      if (this.#closed) return;
      const { near, far, epoch, width, height } = made.info;
      Object.assign(this.last, { near, far, epoch, depthWidth: width, depthHeight: height });
      this.#lastDepthAt = performance.now();
      this.#failure = undefined;
      const unused = this.#maker.takeAnchorProblem();
      if (unused !== undefined) this.#trouble(new DepthcastError('ANCHORS_UNUSED', { detail: unused }), 'message');
      for (const sink of this.#sinks) sink.push(made);
      if (this.frames === 1 && !this.#closed) this.emit('started');
    } catch (thrown) {
      if (this.#closed) {
        this.#abandoned();
        return;
      }
      this.#failure = toDepthcastError(thrown);
      this.stats.lost('failed', this.#failure.code);
      this.#trouble(this.#failure, 'depth');
    } finally {
      this.#busySince = undefined;
      this.#burst.took(performance.now() - began);
      if (made) made.release();
      else picture.close();
    }
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
    if (error.code === code && (now - at < TROUBLE_MS || frames === this.frames)) return;
    this.#lastTrouble = { code: error.code, at: now, frames: this.frames };
    this.emit('trouble', error, about);
  }
}
