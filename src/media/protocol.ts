import type { MessagePort } from 'node:worker_threads';
import type { PushedOutputSettings } from '../config/pushed-output.ts';
import type { SettledConfig } from '../config/schema.ts';
import type { DisplayRange, InferencerFacts } from '../depth/types.ts';
import type { PlainError } from '../errors.ts';
import type { Anchor } from '../geometry/anchors.ts';
import type { MetricSnapshot } from '../metrics/snapshots.ts';
import type { CameraSettings, DepthUnit } from '../protocol/index.ts';
import type { MatteChange, MatteSettings } from '../protocol/matte.ts';
import type { ErrorSubject } from '../protocol/messages.ts';
import type { DataOutput, Layout, Upsampling } from '../protocol/output.ts';
import type { TrackReport } from '../session/outputs.ts';
import type { PublisherOptions, SourceOptions, ViewerOptions } from '../session/peer-host.ts';
import type { SessionReport } from '../session/session-report.ts';
import type { RecorderOptions, RecordingStatus } from '../sinks/mcap/mcap-recorder.ts';
import type { PushStatus } from '../sinks/push/push-target.ts';
import type { FeedFrame, FeedRequest } from '../sinks/ros-feed.ts';
import type { ThumbnailImage } from '../sinks/thumbnail.ts';
import type { PulledStatus } from '../sources/pull/pulled-source.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { FrameTotals, StreamReport } from '../stream/stream-stats.ts';
import type { IceCandidateInit, PeerStats } from '../webrtc/index.ts';

/** What a media worker is started with. */
export interface MediaBoot {
  config: SettledConfig;
}

/** What a stream was at the last look. */
export interface StreamView {
  last: LiveStream['last'];
  codec: string | undefined;
  unit: DepthUnit;
  hfov: number | undefined;
  frames: number;
  /** ms since the last depth map, at that look. */
  idleFor: number;
  size: LiveStream['size'];
  watched: boolean;
  demand: { rate: number | undefined; milliseconds: number | undefined };
  totals: FrameTotals;
  latest: StreamReport | undefined;
  tracks: TrackReport[];
  recording: RecordingStatus | undefined;
  /** What is sent of it, by numbers of the main thread's. */
  outputs: [output: number, status: PushStatus][];
}

/** What a session was at the last look. */
export interface SessionView {
  report: SessionReport;
  peer: PeerStats;
  /** Of a publisher. */
  stream: StreamView | undefined;
}

/** What a stream that nobody publishes was at the last look. */
export interface SourceView {
  stream: StreamView;
  /** Of a source that is pulled. */
  source: PulledStatus | undefined;
}

export type HostedView = SessionView | SourceView;

/** For a stream that nobody publishes. */
export interface HostRequest {
  options: SourceOptions & { size: number };
  inferencer: number;
}

export interface Hosted {
  id: string;
  view: SourceView;
}

export type OpenRequest =
  | { kind: 'publish'; offer: string; options: PublisherOptions & { size: number }; inferencer: number }
  | { kind: 'view'; offer: string; name: string; options: ViewerOptions };

/** A session that was opened. */
export interface Opened {
  id: string;
  answer: string;
  notes: readonly string[];
  closed: boolean;
  view: SessionView;
}

/** What an open session, or a stream that nobody publishes, can be asked for. */
export interface SessionCalls {
  addCandidate(candidate: IceCandidateInit): void;
  restart(offer: { sdp: string; bytes: number }): { answer: string; notes: readonly string[] };
  checkLayout(layout: Layout): void;
  setTrack(on: boolean): void;
  setLayout(layout: Layout): void;
  setData(output: DataOutput): void;
  setUpsampling(upsampling: Upsampling): void;
  setRange(range: 'auto' | DisplayRange): void;
  setSize(size: number): void;
  setStill(on: boolean): void;
  setMatte(next: { settings: MatteSettings; change: MatteChange }): void;
  reduce(steps: number): void;
  setInferencer(next: { inferencer: number; size: number }): void;
  setCamera(camera: CameraSettings | undefined): void;
  anchor(anchors: readonly Anchor[]): void;
  reset(value: undefined): void;
  thumbnail(value: undefined): Promise<ThumbnailImage | undefined>;
  feed(request: FeedRequest): void;
  /** The last frame of the feed was taken. */
  fed(value: undefined): void;
  record(options: RecorderOptions): void;
  /** Also of a session that has ended. */
  stopRecording(value: undefined): Promise<RecordingStatus | undefined>;
  /** By SRT or RTSP, until it is stopped or the session ends. */
  send(request: { output: number; settings: PushedOutputSettings }): void;
  stopSending(output: number): void;
  /** Of a stream that nobody publishes: its events are listened to. */
  start(value: undefined): void;
  close(end: { reason: string; error: PlainError | undefined }): void;
}

export type CallName = keyof SessionCalls;
export type CallValue<K extends CallName> = Parameters<SessionCalls[K]>[0];
export type CallAnswer<K extends CallName> = Awaited<ReturnType<SessionCalls[K]>>;

/** Asks for something of one session. */
export type Ask = <K extends CallName>(call: K, value: CallValue<K>) => Promise<CallAnswer<K>>;

/** A call of one session. */
export type SessionCall = { [K in CallName]: { session: string; call: K; value: CallValue<K> } }[CallName];

/** A depth worker, by a number, and the way to it; again after each of its restarts. */
export interface DepthWorker extends InferencerFacts {
  inferencer: number;
  port: MessagePort | undefined;
}

/** What a media worker is asked for. The last four nobody waits for. */
export interface MediaCalls {
  open(request: OpenRequest): Opened;
  host(request: HostRequest): Hosted;
  /** Answered as the call is in {@link SessionCalls}. */
  call(call: SessionCall): unknown;
  metrics(value: undefined): MetricSnapshot;
  depth(worker: DepthWorker): void;
  /** It is gone or hangs, and comes back. */
  depthLost(inferencer: number): void;
  /** The settings after a reload. */
  configure(config: SettledConfig): void;
  /** Ends its sessions, then its thread. */
  end(reason: string): void;
}

/** See `PusherEvents`. */
export type PushNews =
  | { event: 'live'; status: PushStatus }
  | { event: 'lost'; error: PlainError; retryMs: number; status: PushStatus }
  | { event: 'note'; what: string };

/** Of a session, or a stream that nobody publishes. */
export type SessionEvent =
  | { event: 'connected' }
  | { event: 'started' }
  | { event: 'report'; report: StreamReport; view: SessionView }
  | { event: 'trouble'; error: PlainError; about: ErrorSubject; view: HostedView }
  | { event: 'live'; status: PulledStatus }
  | { event: 'lost'; error: PlainError; retryMs: number; status: PulledStatus | undefined }
  | { event: 'recording failed'; error: PlainError }
  | { event: 'output'; output: number; news: PushNews }
  | { event: 'feed'; frame: FeedFrame }
  | { event: 'closed'; reason: string; error: PlainError | undefined; view: HostedView };

/** What a media worker tells unasked. */
export type MediaNews =
  | { case: 'session'; session: string; value: SessionEvent }
  /** Once a second, what its sessions are; a worker that does not tell has stalled. */
  | { case: 'views'; cpuSeconds: number | undefined; views: [session: string, view: HostedView][] }
  /** It ends by itself, because of a bug. */
  | { case: 'dying'; detail: string };
