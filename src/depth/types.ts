import type { ModelManifest } from '../model/manifest.ts';

/** Milliseconds that one frame spent in the depth worker, by part. */
export interface InferenceTimings {
  queue: number;
  preprocess: number;
  inference: number;
  postprocess: number;
}

/** The causal display range of a stream; see range.ts. */
export interface DisplayRange {
  near: number;
  far: number;
}

/** One depth map as it leaves the network. */
export interface DepthMap {
  /** Row-major [height*width] values in the model's unit. Valid until `release()`. */
  values: Float32Array;
  width: number;
  height: number;
  epoch: number;
  range: DisplayRange;
  /** True on the first map after temporal memory was reset. */
  reset: boolean;
  timings: InferenceTimings;
  /** Hands the buffers back for reuse. */
  release(): void;
}

export interface StreamOptions {
  /** Long side of the network's input in pixels; the manifest's default when absent. */
  size?: number;
  /** `auto`: causal percentiles. Otherwise fixed values in the model's unit. */
  range: 'auto' | DisplayRange;
}

/** Network input: planar R, G, B in [0, 1], 3*height*width floats. */
export interface NetworkImage {
  data: Float32Array;
  width: number;
  height: number;
}

/** One stream's place in an inferencer: it owns that stream's temporal memory. */
export interface InferenceStream {
  /** Network size for a source picture of this size. */
  networkSize(sourceWidth: number, sourceHeight: number): { width: number; height: number };
  /** A free input buffer of the given size; give it back through `infer`. */
  takeInput(width: number, height: number): NetworkImage;
  /**
   * Runs one frame. At most one may be under way per stream.
   * Rejects with WORKER_DIED when the worker went away; the next call starts a new epoch.
   */
  infer(image: NetworkImage): Promise<DepthMap>;
  /** Forgets temporal memory and range: the next frame starts a new epoch. */
  reset(): void;
  setOptions(options: StreamOptions): void;
  close(): void;
}

/** Runs depth networks for many streams. The first implementation is a CPU worker thread. */
export interface Inferencer {
  readonly model: ModelManifest;
  open(options: StreamOptions): InferenceStream;
  close(): Promise<void>;
}
