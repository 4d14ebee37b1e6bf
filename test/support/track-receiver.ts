import { EventEmitter } from 'node:events';
import type { EncodedFrame } from '../../src/video/types.ts';

/** The end of a track as a peer sees it: what it was sent, and the feedback that it gives. */
export class TrackReceiver extends EventEmitter {
  readonly codec = 'VP8';
  readonly frames: EncodedFrame[] = [];
  targetBitrate = 2_000_000;
  send(frame: EncodedFrame): number {
    this.frames.push(frame);
    return 1;
  }
}
