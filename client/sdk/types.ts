import type { CameraSettings } from '../../src/protocol/index.ts';
import type { OutputSettings, SessionStats } from '../../src/protocol/messages.ts';
import type { RetryPolicy } from './backoff.ts';
import type { DepthError } from './errors.ts';
import type { FrameCounters, ReceivedFrame } from './frames.ts';
import type { Pair, Unpaired } from './pairing/pairing.ts';
import type { VideoCodec } from './peer.ts';
import type { Platform } from './platform.ts';
import type { SourceSpec } from './sources/open.ts';
import type { Source } from './sources/source.ts';

export interface SessionOptions {
  source: SourceSpec;
  /** http(s) or ws(s) address of the server; default: where this page came from. */
  server?: string | URL;
  /** Bearer token, where the server asks for one. */
  token?: string;
  /** What to return; the server's defaults for what is left out. */
  output?: Partial<OutputSettings>;
  /**
   * What is known of the camera, so that depth frames carry its intrinsics: `{ hfov: degrees }`, or a calibration in pixels of the pictures
   * of the source (`width` and `height` where it was made at another size), as the source is zoomed when it begins. Synthetic scenes tell
   * theirs by themselves; no browser tells that of a camera.
   */
  camera?: CameraSettings;
  /** Preferred codec of the video sent, where the browser has it; default VP8. The gray track comes back as VP8 or H264. */
  codec?: VideoCodec;
  /** STUN and TURN servers besides those that the server names. */
  iceServers?: RTCIceServer[];
  retry?: Partial<RetryPolicy>;
  /** Where WebRTC and WebSocket come from; default: the browser's own. `depthcast-client/node` has them for Node. */
  platform?: Platform;
  /**
   * Keeps the pictures that are sent, so that each depth frame comes with its own: the events `pair` and `unpaired`. On by
   * itself with `onPair`. Needs encoded transforms and WebCodecs: Chromium from 141 on, Firefox (seen in 153). Safari 26 has both, but
   * was not tried.
   */
  pairing?: boolean;
  onDepth?: (frame: ReceivedFrame) => void;
  onPair?: (pair: Pair) => void;
  onUnpaired?: (unpaired: Unpaired) => void;
  onStats?: (stats: LiveStats) => void;
  onState?: (state: SessionState) => void;
  onError?: (error: DepthError) => void;
}

export type SessionState =
  /** Opening the source or the first connection. */
  | { name: 'connecting' }
  | { name: 'live' }
  /** The connection was lost. With `retryAt` (ms since the Unix epoch) it waits until then, without it tries just now. */
  | { name: 'reconnecting'; error: DepthError; attempt: number; retryAt?: number }
  /** It gave up; `close()` has been called. */
  | { name: 'failed'; error: DepthError }
  | { name: 'closed' };

/** The server's numbers of the last second, and what is measured on this side. */
export interface LiveStats extends SessionStats {
  client: FrameCounters & {
    /** Depth frames a second that reached this page through the data channel. */
    depthRate: number;
    /** Milliseconds there and back over the signalling connection, once known. */
    roundTrip?: number;
    /** Median milliseconds from a picture's capture to its depth reaching this page, where capture times travel. */
    captureToDepth?: number;
  };
}

export interface SessionEvents {
  state: SessionState;
  depth: ReceivedFrame;
  /** A depth frame with the picture that it was made of; see `pairing`. */
  pair: Pair;
  /** A depth frame whose picture is not known; see `pairing`. */
  unpaired: Unpaired;
  stats: LiveStats;
  /** The server's output settings, after every change. */
  settings: OutputSettings;
  /** Everything that went wrong, also what the session recovers from by itself. */
  error: DepthError;
  source: Source;
}
