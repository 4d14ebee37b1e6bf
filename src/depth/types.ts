import type { ModelManifest } from '../model/manifest.ts';
import type { Focal } from './focal.ts';

/** Milliseconds that one frame spent in the depth worker, by part. */
export interface InferenceTimings {
  /** Between being posted and being taken up. */
  queue: number;
  /** Normalising the network's input. */
  preprocess: number;
  /** The network and the upkeep of its cache. */
  inference: number;
  /** As `inference`, had other streams been there: longer where a stream alone had further threads. */
  inferenceShared: number;
  /** Range, cut detection, copy out. */
  postprocess: number;
}

/** Display range in the model's unit: `near` is shown brightest, `far` darkest. */
export interface DisplayRange {
  near: number;
  far: number;
}

/** Why temporal memory was reset. */
export type ResetCause = 'start' | 'cut' | 'gap' | 'size' | 'restart' | 'request';

/** One depth map as it leaves the network. */
export interface DepthMap {
  /** Row-major [height*width] values in the model's unit. Valid until `release()`. */
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Increments with each reset of temporal memory. It is counted in InferenceStream alone. */
  readonly epoch: number;
  readonly range: DisplayRange;
  /** Set on the first map of an epoch. */
  readonly reset: ResetCause | undefined;
  readonly timings: InferenceTimings;
  /** The same for all maps that are one and the same, shown for several pictures; absent of one that is shown once. */
  readonly origin?: object;
  /** Hands the values' memory back for reuse. Calling it again does nothing. */
  release(): void;
}

export interface StreamOptions {
  /** Network size in pixels: the long side or, for Video Depth Anything, the short one; one of the manifest's. */
  size: number;
  /** Steps by which the network is smaller than `size`, down its ladder (size-ladder.ts); 0 for none. Memory goes on. */
  reduced: number;
  /** `auto`: causal percentiles. Otherwise fixed values in the model's unit. */
  range: 'auto' | DisplayRange;
  /** Reset when the picture changes to another scene. */
  sceneCuts: boolean;
  /** Seconds of media time without a frame after which memory is stale. */
  gapSeconds: number;
}

/** How a stream is opened in an inferencer. */
export interface OpenOptions extends Partial<StreamOptions> {
  /** Frames that may be at the network at once: a second one keeps it from waiting for this thread. 1 when absent. */
  maxInFlight?: number;
  /** Of the first map; 0 when absent. Of a stream that goes on in another inferencer. */
  firstEpoch?: number;
}

/** Network input: planar R, G, B in [0, 1], 3*height*width floats. */
export interface NetworkImage {
  data: Float32Array;
  width: number;
  height: number;
  /** Of the camera, for networks that go by it; where nothing is told, one is assumed. */
  focal?: Focal | undefined;
}

/** One stream's place in an inferencer: it owns that stream's temporal memory. */
export interface InferenceStream {
  /** Network size for a source picture of this size. */
  networkSize(sourceWidth: number, sourceHeight: number): { width: number; height: number };
  /** A free input buffer of the given size; give it back through `infer`. */
  takeInput(width: number, height: number): NetworkImage;
  /**
   * Runs one frame. At most one may be under way per stream, where it was not opened for more.
   * @param time media time in seconds, increasing; it paces the display range and finds gaps.
   * @param last of the picture before, where that did not go to the network: it is no gap
   * @throws DepthcastError WORKER_DIED when the worker went away (the next call starts a new epoch), BAD_OUTPUT,
   *   INFERENCE_FAILED.
   */
  infer(image: NetworkImage, time: number, last?: number): Promise<DepthMap>;
  /** Forgets temporal memory and range: the next frame starts a new epoch. */
  reset(): void;
  setOptions(options: Partial<StreamOptions>): void;
  /** The size that is in force: `options.size`, or less where it is reduced. */
  readonly size: number;
  readonly options: StreamOptions;
  /** Of the last map; one less than the first's where there was none yet. */
  readonly epoch: number;
  close(): void;
}

/** What an inferencer is, for whoever reaches it from another thread. */
export type InferencerFacts = Pick<Inferencer, 'model' | 'device' | 'resamples' | 'usesCamera'>;

/** Runs one depth network for many streams, wherever its engine is. */
export interface Inferencer {
  readonly model: ModelManifest;
  /** What runs it, for people: "CPU, 2 threads". */
  readonly device: string;
  /** Whether streams may be reduced: their memory goes on at another size. */
  readonly resamples: boolean;
  /** Whether the network goes by the camera: `NetworkImage.focal` is for these alone. */
  readonly usesCamera: boolean;
  open(options?: OpenOptions): InferenceStream;
  close(): Promise<void>;
}
