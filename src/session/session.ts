import type { DepthcastError } from '../errors.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { RtcPeer } from '../webrtc/index.ts';

/** A peer's stay at a stream, as publisher or viewer. */
export interface Session {
  /** Secret: whoever knows it may end or change the session. */
  readonly id: string;
  readonly kind: 'ws' | 'whip' | 'whep';
  readonly stream: LiveStream;
  readonly peer: RtcPeer;
  /** Why a publisher's packets make no depth, as long as they make none. */
  readonly problem: DepthcastError | undefined;
  /** @param error why, where it was not meant to end */
  close(reason: string, error?: DepthcastError): Promise<void>;
  once(event: 'closed', listener: () => void): unknown;
}
