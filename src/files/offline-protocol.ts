import type { ErrorCode } from '../errors.ts';
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

export type ToOffline =
  /** [32, 3, height, width], RGB in [0, 1]; comes back. */
  { case: 'window'; value: Float32Array<ArrayBuffer> } | { case: 'finish' } | { case: 'exit' };

export interface WindowDone {
  milliseconds: number;
  /** The request's memory comes back. */
  images?: Float32Array<ArrayBuffer>;
  /** What the window leaves to the next. */
  state?: Float32Array<ArrayBuffer>;
}

export type FromOffline =
  | { case: 'ready' }
  | { case: 'map'; value: Float32Array<ArrayBuffer> }
  /** All maps that the window made final were sent. */
  | { case: 'done'; value: WindowDone }
  | { case: 'failed'; value: { code: ErrorCode; detail: string | undefined } };
