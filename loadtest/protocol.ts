import type { DepthFormat } from '../src/protocol/index.ts';

/** What the load test and its child processes tell each other: plain objects over Node's IPC, told apart by `case`. */

/** How a stream's depth is asked for. */
export interface StreamSpec {
  /** Counts from 0; also the number in the frame code. */
  index: number;
  /** Viewers (WHEP) of this stream. With any, it is published by WHIP and its depth is measured at the first of them. */
  viewers: number;
}

/** What every child needs to know. */
export interface ChildSetup {
  url: string;
  token: string | undefined;
  /** `post`: another server, which takes one sendrecv offer by POST and returns a gray track. */
  signalling: 'depthcast' | 'post';
  scene: string;
  width: number;
  height: number;
  fps: number;
  /** kbit/s of each stream's video, whatever the server asks for; undefined leaves that to it. */
  bitrate: number | undefined;
  /** What two-way streams ask for. WHEP viewers get the server's default packets, unless `off`. */
  data: DepthFormat | 'off';
  track: boolean;
  /** Share of UDP packets lost, each way. */
  loss: number;
  seed: number;
  /** Seconds between two comparisons of a stream's depth with the truth; 0 for none. */
  checkSeconds: number;
}

/** A depth map against the scene's exact depth. */
export interface TruthCheck {
  /** Spearman's rank correlation of disparities. */
  rank: number;
  /** Share of pixels within a factor of 1.25 after a scale and shift for this map. */
  delta1: number;
}

/** What happened to a stream since the last report. */
export interface StreamReport {
  index: number;
  connected: boolean;
  /** Connections that came about, and why others did not or ended. */
  connects: number;
  failures: string[];
  /** Pictures handed to the encoder; those that were due but that this process came too late for. */
  captured: number;
  late: number;
  /** Frames seen on the wire to the server, and on the gray track back. */
  sent: number;
  trackFrames: number;
  /** Depth packets that arrived whole, and malformed ones. */
  packets: number;
  badPackets: number;
  /** Gray pictures that the first receiver and all further viewers decoded. */
  pictures: number;
  viewerPictures: number;
  /** Depth whose timestamp names no captured frame. */
  unknown: number;
  /** ms: capture to whole packet; capture to last packet of the gray frame; of that, last packet in to last packet out. */
  latency: { data: number[]; track: number[]; server: number[] };
  /** RTP timestamp and frame number of each depth packet: compared with what the server read in the picture. */
  identified: [timestamp: number, frame: number][];
  checks: TruthCheck[];
  bytes: { up: number; down: number };
  lost: { up: number; down: number };
}

export type ToChild =
  | { case: 'setup'; setup: ChildSetup }
  | { case: 'open'; spec: StreamSpec }
  | { case: 'close'; index: number }
  | { case: 'end' };

export type FromChild = { case: 'ready' } | { case: 'report'; streams: StreamReport[] };

/** The report of a stream to which nothing has happened yet. */
export function emptyReport(index: number): StreamReport {
  return {
    index,
    connected: false,
    connects: 0,
    failures: [],
    captured: 0,
    late: 0,
    sent: 0,
    trackFrames: 0,
    packets: 0,
    badPackets: 0,
    pictures: 0,
    viewerPictures: 0,
    unknown: 0,
    latency: { data: [], track: [], server: [] },
    identified: [],
    checks: [],
    bytes: { up: 0, down: 0 },
    lost: { up: 0, down: 0 },
  };
}
