import type { ErrorCode } from '../errors.ts';
import type { InstalledModel } from '../model/library.ts';
import type { Size } from '../model/size.ts';

export interface OfflineBoot {
  model: InstalledModel;
  network: Size;
  /** Of the maps that come out. */
  size: Size;
  threads: number;
}

export type ToOffline =
  /** [32, 3, height, width], RGB in [0, 1]; comes back. */
  { case: 'window'; value: Float32Array<ArrayBuffer> } | { case: 'finish' };

export type FromOffline =
  | { case: 'ready' }
  | { case: 'map'; value: Float32Array<ArrayBuffer> }
  /** All maps that the window made final were sent. */
  | { case: 'done'; value: { images: Float32Array<ArrayBuffer> | undefined; milliseconds: number } }
  | { case: 'failed'; value: { code: ErrorCode; detail: string | undefined } };
