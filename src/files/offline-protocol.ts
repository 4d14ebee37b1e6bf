import type { InstalledModel } from '../model/library.ts';
import type { Size } from '../model/size.ts';

export interface OfflineBoot {
  model: InstalledModel;
  network: Size;
  /** Of the maps that come out. */
  size: Size;
  threads: number;
  /** What an earlier run's last window left. */
  state: Float32Array | undefined;
}

export interface WindowResult {
  /** Those that the window made final, each of `size`. */
  maps: Float32Array<ArrayBuffer>[];
  milliseconds: number;
  /** The request's memory comes back. */
  images: Float32Array<ArrayBuffer>;
  /** What the window leaves to the next. */
  state: Float32Array<ArrayBuffer>;
}

/** What the offline network's thread is asked for. */
export interface OfflineCalls {
  /** [32, 3, height, width], RGB in [0, 1]. */
  window(images: Float32Array<ArrayBuffer>): WindowResult;
  /** The maps that waited for a next window. */
  finish(): Float32Array<ArrayBuffer>[];
}
