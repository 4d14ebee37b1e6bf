import type { Config } from '../config/schema.ts';
import { focalOf } from '../depth/focal.ts';
import type { DisplayRange, Inferencer, InferenceStream, NetworkImage } from '../depth/types.ts';
import { type Anchor, AnchorTracker } from '../geometry/anchors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Camera, type CameraSettings, type DepthFrameInfo, type DepthUnit } from '../protocol/index.ts';
import type { Upsampling } from '../protocol/output.ts';
import { InputScaler, type Picture } from '../video/index.ts';
import type { Demand } from './demand.ts';
import { DepthReuse } from './depth-reuse.ts';
import { LiveDepth } from './live-depth.ts';
import { MediaClock } from './media-clock.ts';
import type { StreamStats } from './stream-stats.ts';

export interface DepthMakerOptions {
  inferencer: Inferencer;
  /** One of the network's. */
  size: number;
  metrics: Metrics;
  depth: Pick<Config['depth'], 'sceneCuts' | 'gapSeconds'> & Partial<Pick<Config['depth'], 'camera'>>;
  /** Depth is reused while the picture does not change; off when absent. */
  still?: boolean;
}

/** What one stream's pictures become: scaled, through the network or not, and told what time, place and metres they are of. One at a time. */
export class DepthMaker {
  /** Of the pictures: what was told of it, or what is assumed. */
  camera: Camera;
  /** Of the camera, anything. */
  #told: boolean;
  readonly #metrics: Metrics;
  readonly #stats: StreamStats;
  readonly #demand: Demand;
  readonly #scaler = new InputScaler();
  readonly #clock = new MediaClock();
  readonly #anchors = new AnchorTracker();
  #anchored = false;
  #inferencer: Inferencer;
  #inference: InferenceStream;
  /** Where depth may be reused. */
  #reuse: DepthReuse | undefined;
  /** Input that did not go to the network. */
  #spare: NetworkImage | undefined;
  /** Media time of the last picture. */
  #lastSeconds = 0;
  #frameId = 0;
  #busy = false;
  #closed = false;

  /** @throws DepthcastError BAD_SIZE */
  constructor(
    { inferencer, size, metrics, depth, still = false }: DepthMakerOptions,
    stats: StreamStats,
    demand: Demand,
  ) {
    this.#metrics = metrics;
    this.#stats = stats;
    this.#demand = demand;
    this.camera = new Camera(depth.camera ?? undefined);
    this.#told = depth.camera != null;
    this.#inferencer = inferencer;
    const { sceneCuts, gapSeconds } = depth;
    this.#inference = inferencer.open({ size, sceneCuts, gapSeconds });
    this.setStill(still);
  }

  get model(): string {
    return this.#inferencer.model.name;
  }

  get range(): 'auto' | DisplayRange {
    return this.#inference.options.range;
  }

  /** Depth maps made so far. */
  get frames(): number {
    return this.#frameId;
  }

  get unit(): DepthUnit {
    return this.#anchored ? 'metres' : this.#inferencer.model.unit;
  }

  get clockJumps(): number {
    return this.#clock.jumps;
  }

  get reducible(): boolean {
    return this.#inferencer.resamples;
  }

  get size(): { now: number; asked: number } {
    return { now: this.#inference.size, asked: this.#inference.options.size };
  }

  get still(): 'on' | 'off' {
    return this.#reuse ? 'on' : 'off';
  }

  setStill(on: boolean): void {
    if (!on) this.#reuse?.forget();
    this.#reuse = on ? (this.#reuse ?? new DepthReuse()) : undefined;
  }

  setCamera(settings: CameraSettings | undefined): void {
    if (this.#inferencer.usesCamera) {
      // What such a network remembers is of a camera that was assumed. One that was told before has zoomed, and it holds.
      if (settings && !this.#told && this.#frameId > 0) this.#inference.reset();
      this.#reuse?.forget();
    }
    this.#told = settings !== undefined;
    this.camera = new Camera(settings);
  }

  anchor(anchors: readonly Anchor[]): void {
    this.#anchors.add(anchors);
  }

  /** Why anchors of the last picture were not used, once. */
  takeAnchorProblem(): string | undefined {
    return this.#anchors.takeProblem();
  }

  reduce(steps: number): void {
    const before = this.#inference.size;
    this.#inference.setOptions({ reduced: this.#inferencer.resamples ? steps : 0 });
    this.#demand.scale((this.#inference.size / before) ** 2);
  }

  setRange(range: 'auto' | DisplayRange): void {
    this.#reuse?.forget();
    this.#inference.setOptions({ range });
  }

  setSize(size: number): void {
    this.#inference.setOptions({ size });
  }

  setInferencer(inferencer: Inferencer, size: number): void {
    const { size: _, reduced: steps, ...options } = this.#inference.options;
    const reduced = inferencer.resamples ? steps : 0;
    this.#reuse?.forget();
    const next = inferencer.open({ ...options, reduced, size, firstEpoch: this.#inference.epoch + 1 });
    this.#inference.close();
    this.#inference = next;
    this.#inferencer = inferencer;
  }

  reset(): void {
    this.#reuse?.forget();
    this.#inference.reset();
  }

  close(): void {
    this.#closed = true;
    this.#reuse?.forget();
    this.#inference.close();
    if (!this.#busy) this.#scaler.close();
  }

  /**
   * @param at performance.now() when it came
   * @returns its depth, which closes the picture with the last release; undefined where this was closed meanwhile, or goes on with another
   *   network. Then, and where it throws, the picture is the caller's to close
   */
  async make(picture: Picture, at: number, upsampling: Upsampling): Promise<LiveDepth | undefined> {
    const inference = this.#inference;
    this.#busy = true;
    try {
      const began = performance.now();
      const { width, height } = inference.networkSize(picture.width, picture.height);
      const reduced = inference.size < inference.options.size;
      const image = this.#takeInput(inference, width, height);
      const intrinsics = this.camera.intrinsics(picture.width, picture.height);
      image.focal = this.#inferencer.usesCamera ? focalOf(intrinsics, picture, image) : undefined;
      await this.#scaler.scaleInto(picture, image.data, width, height);
      const seconds = this.#clock.seconds(picture.rtpTimestamp, picture.firstPacketAt ?? at);
      const last = this.#lastSeconds;
      this.#lastSeconds = seconds;
      const reuse = this.#reuse;
      const reused = reuse?.take(image, seconds);
      const scaled = performance.now();
      // That depth was reused for a picture makes no gap before the next.
      let map = reused ?? (await inference.infer(image, seconds, last));
      if (reused) this.#spare = image;
      if (this.#closed || inference !== this.#inference) {
        map.release();
        return undefined;
      }
      if (!reused && reuse && reuse === this.#reuse) map = reuse.keep(map);
      const { timings, range, epoch } = map;
      const { model } = this.#inferencer;
      this.#stats.stage('preprocess', scaled - began + timings.preprocess);
      this.#stats.stage('queue', began - at + timings.queue);
      if (reused) this.#demand.spared();
      else {
        this.#demand.took(timings.preprocess + timings.inferenceShared + timings.postprocess);
        this.#stats.stage('inference', timings.inference);
        this.#metrics.observeInference(model.name, model.precision, timings.inference);
        this.#stats.stage('postprocess', timings.postprocess);
      }
      this.#stats.made(reused !== undefined);
      if (map.reset) this.#metrics.epochs.inc({ cause: map.reset });
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
        intrinsics,
        ...(reused ? { reused: true } : {}),
        ...(reduced ? { reduced: true } : {}),
        ...range,
      };
      const source = { picture, upsampling };
      const metric = this.#anchors.update({ values: map.values, width, height, unit: model.unit, epoch }, seconds);
      this.#anchored = metric !== undefined;
      return new LiveDepth(map, info, picture.lastPacketAt, metric, picture.identity, source, seconds);
    } catch (thrown) {
      if (this.#closed || inference !== this.#inference) return undefined;
      throw thrown;
    } finally {
      this.#busy = false;
      if (this.#closed) this.#scaler.close();
    }
  }

  #takeInput(inference: InferenceStream, width: number, height: number): NetworkImage {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.width === width && spare.height === height ? spare : inference.takeInput(width, height);
  }
}
