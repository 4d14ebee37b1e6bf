import { EventEmitter } from 'node:events';
import type { SettledConfig } from '../config/schema.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { DisplayRange, InferenceStream } from '../depth/types.ts';
import { type DepthcastError, toDepthcastError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { allowedSizes } from '../model/size.ts';
import type { DepthFormat } from '../protocol/index.ts';
import type { ErrorSubject } from '../protocol/messages.ts';
import { InputScaler, type Picture, type VideoCodec } from '../video/index.ts';
import { Demand } from './demand.ts';
import { DepthData } from './depth-data.ts';
import { GrayTrack } from './gray-track.ts';
import { LiveDepth } from './live-depth.ts';
import { Mailbox } from './mailbox.ts';
import { MediaClock } from './media-clock.ts';
import { StreamStats } from './stream-stats.ts';
import type { DepthSink, FrameSource } from './types.ts';

/** The same trouble, frame after frame, is told this often; it is counted each time. */
const TROUBLE_MS = 1000;

interface LiveStreamEvents {
  closed: [reason: string];
  /** The first depth map was made. */
  started: [];
  /** Something went wrong with a frame or an output; the stream goes on. */
  trouble: [error: DepthcastError, about: ErrorSubject];
}

export interface LiveStreamOptions {
  name: string;
  inferencer: WorkerInferencer;
  metrics: Metrics;
  config: Pick<SettledConfig, 'depth' | 'output'>;
}

interface Arrival {
  picture: Picture;
  at: number;
}

/** One live stream: source -> newest picture -> network -> sinks. */
export class LiveStream extends EventEmitter<LiveStreamEvents> {
  readonly name: string;
  readonly stats: StreamStats;
  /** What it asks of the depth workers. */
  readonly demand = new Demand();
  readonly createdAt = Date.now();
  /** Size of the last picture and of its map, and the display range: what stats show. */
  readonly last = { width: 0, height: 0, depthWidth: 0, depthHeight: 0, near: 0, far: 0, epoch: 0 };
  readonly #metrics: Metrics;
  readonly #config: LiveStreamOptions['config'];
  readonly #scaler = new InputScaler();
  readonly #sinks = new Set<DepthSink>();
  readonly #grayTracks = new Map<VideoCodec, GrayTrack>();
  readonly #data = new Map<DepthFormat, DepthData>();
  readonly #mailbox = new Mailbox<Arrival>(
    (arrival) => this.#process(arrival),
    ({ picture }) => {
      this.stats.lost('dropped');
      picture.close();
    },
  );
  readonly #clock = new MediaClock();
  #inferencer: WorkerInferencer;
  #inference: InferenceStream;
  #source: FrameSource | undefined;
  #frameId = 0;
  #epochBase = 0;
  #lastDepthAt = performance.now();
  /** The last failure since there was depth. */
  #failure: DepthcastError | undefined;
  /** performance.now() since when a picture is on its way to becoming depth. */
  #busySince: number | undefined;
  #lastTrouble = { code: '', at: 0 };
  #closed = false;

  /** @throws DepthcastError BAD_SIZE when the configured size does not suit the model */
  constructor({ name, inferencer, metrics, config }: LiveStreamOptions) {
    super();
    this.name = name;
    this.#metrics = metrics;
    this.#config = config;
    this.#inferencer = inferencer;
    this.#inference = inferencer.open({
      ...(config.depth.size !== null && allowedSizes(inferencer.model).sizes.includes(config.depth.size)
        ? { size: config.depth.size }
        : {}),
      sceneCuts: config.depth.sceneCuts,
      gapSeconds: config.depth.gapSeconds,
    });
    this.stats = new StreamStats(metrics);
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

  /** Depth maps made so far. */
  get frames(): number {
    return this.#frameId;
  }

  get size(): number {
    return this.#inference.options.size;
  }

  /** Whether anybody receives this stream's depth now. */
  get watched(): boolean {
    return [...this.#grayTracks.values(), ...this.#data.values()].some((sink) => sink.receivers > 0);
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
        this.#mailbox.put({ picture, at: performance.now() });
      },
      undecodable: (error) => {
        this.stats.arrived();
        this.stats.lost('undecodable', error?.code);
      },
    });
  }

  /** The gray track of this codec, shared by everybody who receives it. */
  grayTrack(codec: VideoCodec): GrayTrack {
    let track = this.#grayTracks.get(codec);
    if (track === undefined) {
      const { minBitrate, maxBitrate, trackSide } = this.#config.output;
      track = new GrayTrack({
        codec,
        minBitrate,
        maxBitrate,
        maxSide: trackSide,
        metrics: this.#metrics,
        onFrame: (encode, send, bytes, latency) => {
          this.stats.stage('encode', encode);
          this.stats.stage('send', send);
          this.stats.sent('track', bytes, latency);
        },
        onError: (error) => this.#trouble(error, 'track'),
      });
      this.#grayTracks.set(codec, track);
      this.#sinks.add(track);
    }
    return track;
  }

  /** Depth packets of this format, shared by everybody who receives them. */
  depthData(format: DepthFormat): DepthData {
    let data = this.#data.get(format);
    if (data === undefined) {
      data = new DepthData({
        format,
        steps: this.#config.output.u16Steps,
        metrics: this.#metrics,
        onFrame: (pack, send, bytes, latency) => {
          this.stats.stage('encode', pack);
          this.stats.stage('send', send);
          this.stats.sent('data', bytes, latency);
        },
        onError: (error) => this.#trouble(error, 'data'),
      });
      this.#data.set(format, data);
      this.#sinks.add(data);
    }
    return data;
  }

  setRange(range: 'auto' | DisplayRange): void {
    this.#inference.setOptions({ range });
  }

  /** @throws DepthcastError BAD_SIZE */
  setSize(size: number): void {
    this.#inference.setOptions({ size });
  }

  /** Goes on with another network, from a new epoch. */
  setInferencer(inferencer: WorkerInferencer, size = allowedSizes(inferencer.model).default): void {
    const { size: _, ...options } = this.#inference.options;
    const next = inferencer.open({ ...options, size });
    this.#inference.close();
    this.#inference = next;
    this.#inferencer = inferencer;
    this.#epochBase = this.last.epoch + 1;
  }

  /** Forgets temporal memory: the next frame begins a new epoch. */
  reset(): void {
    this.#inference.reset();
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source?.close();
    this.#mailbox.close();
    for (const sink of this.#sinks) sink.close();
    this.#sinks.clear();
    this.#inference.close();
    if (!this.#mailbox.busy) this.#scaler.close();
    this.emit('closed', reason);
  }

  async #process({ picture, at }: Arrival): Promise<void> {
    const inference = this.#inference;
    this.#busySince = performance.now();
    try {
      const began = performance.now();
      const { width, height } = inference.networkSize(picture.width, picture.height);
      const image = inference.takeInput(width, height);
      await this.#scaler.scaleInto(picture, image.data, width, height);
      const scaled = performance.now();
      const map = await inference.infer(image, this.#clock.seconds(picture.rtpTimestamp, picture.firstPacketAt ?? at));
      if (this.#closed || inference !== this.#inference) {
        map.release();
        return;
      }
      const { timings, range } = map;
      this.demand.took(timings.preprocess + timings.inference + timings.postprocess);
      this.stats.stage('preprocess', scaled - began + timings.preprocess);
      this.stats.stage('queue', began - at + timings.queue);
      this.stats.stage('inference', timings.inference);
      const { model } = this.#inferencer;
      this.#metrics.observeInference(model.name, model.precision, timings.inference);
      this.stats.stage('postprocess', timings.postprocess);
      this.stats.made();
      this.#lastDepthAt = performance.now();
      this.#failure = undefined;
      if (map.reset) this.#metrics.epochs.inc({ cause: map.reset });
      const epoch = this.#epochBase + map.epoch;
      Object.assign(this.last, { ...range, epoch });
      this.last.depthWidth = width;
      this.last.depthHeight = height;
      const info = {
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
        ...range,
      };
      const depth = new LiveDepth(map, info, picture.lastPacketAt);
      for (const sink of this.#sinks) sink.push(depth);
      depth.release();
      if (this.#frameId === 1) this.emit('started');
    } catch (thrown) {
      if (this.#closed || inference !== this.#inference) return;
      this.#failure = toDepthcastError(thrown);
      this.stats.lost('failed', this.#failure.code);
      this.#trouble(this.#failure, 'depth');
    } finally {
      this.#busySince = undefined;
      picture.close();
      if (this.#closed) this.#scaler.close();
    }
  }

  #trouble(thrown: unknown, about: ErrorSubject): void {
    const error = toDepthcastError(thrown);
    this.#metrics.rejected.inc({ code: error.code });
    const now = performance.now();
    if (error.code === this.#lastTrouble.code && now - this.#lastTrouble.at < TROUBLE_MS) return;
    this.#lastTrouble = { code: error.code, at: now };
    this.emit('trouble', error, about);
  }
}
