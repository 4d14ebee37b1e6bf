import type { RtcPeer } from '../rtc/index.ts';
import type { LiveStream } from './live-stream.ts';

/** A peer's stay at a stream, as publisher or viewer. */
export interface Session {
  /** Secret: whoever knows it may end or change the session. */
  readonly id: string;
  readonly kind: 'ws' | 'whip' | 'whep';
  readonly stream: LiveStream;
  readonly peer: RtcPeer;
  close(reason: string): Promise<void>;
  once(event: 'closed', listener: () => void): unknown;
}
