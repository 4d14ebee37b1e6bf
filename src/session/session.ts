import type { EventEmitter } from 'node:events';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { DepthcastError } from '../errors.ts';
import type { CameraSettings } from '../protocol/index.ts';
import type { ErrorSubject } from '../protocol/messages.ts';
import type { DataOutput, Layout } from '../protocol/output.ts';
import type { ThumbnailImage } from '../sinks/thumbnail.ts';
import type { PulledStatus } from '../sources/pull/pulled-source.ts';
import type { Demand } from '../stream/demand.ts';
import type { FrameSource } from '../stream/frame-source.ts';
import type { LiveStream, LiveStreamEvents } from '../stream/live-stream.ts';
import type { StreamReport, StreamStats } from '../stream/stream-stats.ts';
import type { IceCandidateInit, RtcPeer } from '../webrtc/index.ts';
import type { TrackReport } from './outputs.ts';
import type { SessionReport } from './session-report.ts';

/** A live stream as its session shows it, whichever thread it lives in: {@link LiveStream} itself, or what a media worker tells of it. */
export interface SessionStream
  extends Pick<
      LiveStream,
      | 'name'
      | 'unlisted'
      | 'createdAt'
      | 'closed'
      | 'model'
      | 'unit'
      | 'hfov'
      | 'frames'
      | 'idleFor'
      | 'watched'
      | 'upsampling'
      | 'range'
      | 'still'
      | 'layout'
      | 'anchor'
      | 'setCamera'
      | 'setRange'
      | 'setSize'
      | 'setStill'
      | 'setMatte'
      | 'reduce'
      | 'reducible'
      | 'size'
      | 'reset'
      | 'close'
    >,
    Pick<EventEmitter<LiveStreamEvents>, 'on' | 'once' | 'off'> {
  readonly last: Readonly<LiveStream['last']>;
  readonly demand: Pick<Demand, 'rate' | 'milliseconds'>;
  readonly source: Pick<FrameSource, 'codec'> | undefined;
  readonly stats: Pick<StreamStats, 'totals' | 'latest'>;
  /** Kinds of video that are made of it, where it lives elsewhere. */
  readonly tracks?: readonly TrackReport[];
  /** What was set of its camera while it ran, where it lives elsewhere. */
  readonly cameraSettings?: CameraSettings | undefined;
  /** Its latest depth, where it lives elsewhere; undefined before the first. @throws DepthcastError MEDIA_WORKER_DIED */
  thumbnail?(): Promise<ThumbnailImage | undefined>;
  /** Goes on with another network, from a new epoch. @throws DepthcastError BAD_SIZE */
  setInferencer(inferencer: WorkerInferencer, size: number): void;
}

/** A session's peer, as far as signalling has to do with it. */
export interface SessionPeer
  extends Pick<RtcPeer, 'answerSdp' | 'notes' | 'connected' | 'closed' | 'getStats' | 'restart'> {
  /** @throws DepthcastError BAD_REQUEST where it is malformed */
  addCandidate(candidate: IceCandidateInit): void | Promise<void>;
  once(event: 'connected', listener: () => void): unknown;
}

export interface SessionEvents {
  closed: [reason: string, error: DepthcastError | undefined];
  /** Once a second, of a publisher. */
  report: [report: StreamReport];
  trouble: [error: DepthcastError, about: ErrorSubject];
}

/** A peer's stay at a stream, as publisher or viewer. */
export interface Session extends Pick<EventEmitter<SessionEvents>, 'on' | 'once' | 'off'> {
  /** Secret: whoever knows it may end or change the session. */
  readonly id: string;
  readonly kind: 'ws' | 'whip' | 'whep';
  readonly stream: SessionStream;
  readonly peer: SessionPeer;
  readonly closed: boolean;
  /** As `/api/sessions` lists it. */
  report(): SessionReport;
  /** @param error why, where it was not meant to end */
  close(reason: string, error?: DepthcastError): Promise<void>;
}

/** A publisher's stay. What its own peer is sent may change. */
export interface PublisherSession extends Session {
  /** @throws DepthcastError BUSY when the returned track, on, may not show this */
  checkLayout(layout: Layout): void | Promise<void>;
  /** Turns the returned gray track on or off. */
  setTrack(on: boolean): void;
  /** Changes what the returned track shows. */
  setLayout(layout: Layout): void;
  /** Changes what the data channel carries. */
  setData(output: DataOutput): void;
}

export interface SourceEvents {
  /** A source that is pulled gives pictures. */
  live: [status: PulledStatus];
  /** It is not there, or no longer, and is tried again after so many ms. */
  lost: [error: DepthcastError, retryMs: number];
  trouble: [error: DepthcastError, about: ErrorSubject];
  closed: [reason: string, error: DepthcastError | undefined];
}

/** A stream that nobody publishes: a synthetic scene, or what the server pulls. */
export interface SourceSession extends Pick<EventEmitter<SourceEvents>, 'on' | 'once'> {
  readonly stream: SessionStream;
  /** Of a source that is pulled. */
  readonly status: PulledStatus | undefined;
  /** Begins, once its events are listened to. */
  start(): void;
  /** @param error why, where it was not meant to end */
  close(reason: string, error?: DepthcastError): void;
}
