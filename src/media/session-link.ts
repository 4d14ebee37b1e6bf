import type { WorkerInferencer } from '../depth/inferencer.ts';
import { DepthcastError } from '../errors.ts';
import type { CallAnswer, CallName, CallValue } from './protocol.ts';

/** The way to a session in its worker. */
export interface SessionLink {
  call<K extends CallName>(session: string, call: K, value: CallValue<K>): Promise<CallAnswer<K>>;
  /** Lets the worker know a depth worker. @returns its number there */
  introduce(inferencer: WorkerInferencer): number;
}

/** Why a session ended whose worker is gone. */
export const WORKER_DIED = 'media worker died';

/** Seconds after which somebody may try again whom a dead worker was to serve. */
const RETRY = 1;

export const died = () => new DepthcastError('MEDIA_WORKER_DIED', { retryAfter: RETRY });
