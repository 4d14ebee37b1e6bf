import type { LiveInput } from '../../video/open-media.ts';

// What the server and the process that reads one source say to each other, over Node's IPC channel ("advanced": bytes go as they are).

/** To the reader, once. */
export interface ReadRequest {
  address: string;
  live: LiveInput;
  timeoutSeconds: number;
  /** Pictures are brought down to this side. */
  maxSide: number;
  /** Shown at the pace of its time stamps: what comes in bursts, or is all there. */
  paced: boolean;
  /** Begins again at its end. */
  loop: boolean;
}

/** To the reader: the last picture was taken, the next may come. */
export interface NextRequest {
  next: true;
}

export interface OpenedMessage {
  kind: 'opened';
  codec: string;
  container: string;
  /** Of the source. */
  width: number;
  height: number;
}

export interface PictureMessage {
  kind: 'picture';
  /** Y, U and V, 4:2:0, BT.601 limited range, without padding; both sides even. */
  planes: Uint8Array;
  width: number;
  height: number;
  /** Seconds from the first one; rises over the ends of a loop too. */
  time: number;
  /** ms since the Unix epoch. */
  arrivedAt: number;
  captureTime?: number;
  captureTimeError?: number;
  /** Pictures before it that were decoded and not sent: the server was not ready for them. */
  skipped: number;
}

/** The last message. */
export interface EndMessage {
  kind: 'end';
  problem: string;
}

export type ReaderMessage = OpenedMessage | PictureMessage | EndMessage;
