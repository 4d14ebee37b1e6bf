import type { ErrorCode } from '../errors.ts';
import type { DepthWriterOptions, WrittenMap } from './depth-writer.ts';

export type WriterBoot = DepthWriterOptions;

export type ToWriter = { case: 'write'; value: WrittenMap } | { case: 'finish' };

export type FromWriter =
  | { case: 'ready' }
  /** The map's memory comes back. */
  | { case: 'written'; value: { values: Float32Array<ArrayBuffer>; colour: Uint8Array<ArrayBuffer> | undefined } }
  | { case: 'failed'; value: { code: ErrorCode; detail: string | undefined } }
  | { case: 'finished' };
