import { EventEmitter } from 'node:events';
import type { PushedOutputSettings } from '../config/pushed-output.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { DisplayRange } from '../depth/types.ts';
import { type DepthcastError, fromPlain } from '../errors.ts';
import type { Anchor } from '../geometry/anchors.ts';
import type { CameraSettings, DepthUnit } from '../protocol/index.ts';
import type { MatteChange, MatteSettings } from '../protocol/matte.ts';
import type { Layout, Upsampling } from '../protocol/output.ts';
import type { Feed, FeedsItself } from '../session/feed.ts';
import type { Pusher, PusherEvents, PushesItself } from '../session/pusher.ts';
import type { Recorder, RecordsItself } from '../session/recorder.ts';
import type { SessionStream } from '../session/session.ts';
import type { RecorderOptions } from '../sinks/mcap/mcap-recorder.ts';
import type { FeedFrame } from '../sinks/ros-feed.ts';
import type { ThumbnailImage } from '../sinks/thumbnail.ts';
import type { LiveStreamEvents } from '../stream/live-stream.ts';
import type { Ask, CallName, CallValue, SessionEvent, StreamView } from './protocol.ts';
import { RemotePushers } from './remote-pushers.ts';
import { RemoteRecorder } from './remote-recorder.ts';
import type { SessionLink } from './session-link.ts';

/** What this thread knows of a stream. */
export type KnownStream = Pick<SessionStream, 'name' | 'unlisted' | 'upsampling' | 'still'> & {
  /** Has the stream among its guests already. */
  inferencer: WorkerInferencer;
  view: StreamView;
};

/** A stream in a media worker, as the worker last told of it. */
export class RemoteStream
  extends EventEmitter<LiveStreamEvents>
  implements SessionStream, RecordsItself, FeedsItself, PushesItself
{
  readonly name: string;
  readonly unlisted: boolean;
  readonly createdAt = Date.now();
  closed = false;
  range: 'auto' | DisplayRange = 'auto';
  still: 'on' | 'off';
  layout: Layout | undefined;
  cameraSettings: CameraSettings | undefined;
  readonly link: SessionLink;
  readonly #ask: Ask;
  readonly #end: (reason: string) => void;
  #inferencer: WorkerInferencer;
  #upsampling: Upsampling;
  /** Size that was asked for here, which the worker tells of later. */
  #asked: number | undefined;
  #view: StreamView;
  /** performance.now() when the worker told of it. */
  #viewedAt = performance.now();
  #steps = 0;
  #recorder: RemoteRecorder | undefined;
  readonly #pushers: RemotePushers;
  #takeFed: ((frame: FeedFrame) => void) | undefined;

  constructor(link: SessionLink, ask: Ask, end: (reason: string) => void, known: KnownStream) {
    super();
    this.setMaxListeners(0);
    this.link = link;
    this.#ask = ask;
    this.#end = end;
    this.#pushers = new RemotePushers(ask);
    this.name = known.name;
    this.unlisted = known.unlisted;
    this.#upsampling = known.upsampling;
    this.still = known.still;
    this.#inferencer = known.inferencer;
    this.#view = known.view;
  }

  get model(): string {
    return this.#inferencer.model.name;
  }

  get unit(): DepthUnit {
    return this.#view.unit;
  }

  get hfov(): number | undefined {
    return this.#view.hfov;
  }

  get frames(): number {
    return this.#view.frames;
  }

  get idleFor(): number {
    return this.#view.idleFor + performance.now() - this.#viewedAt;
  }

  get size(): StreamView['size'] {
    const { now, asked } = this.#view.size;
    return { now, asked: this.#asked ?? asked };
  }

  get reducible(): boolean {
    return this.#inferencer.resamples;
  }

  get watched(): boolean {
    return this.#view.watched;
  }

  get last(): StreamView['last'] {
    return this.#view.last;
  }

  get demand(): StreamView['demand'] {
    return this.#view.demand;
  }

  get source(): { codec: string } | undefined {
    const { codec } = this.#view;
    return codec === undefined ? undefined : { codec };
  }

  get stats(): Pick<StreamView, 'totals' | 'latest'> {
    return this.#view;
  }

  get tracks(): StreamView['tracks'] {
    return this.#view.tracks;
  }

  get upsampling(): Upsampling {
    return this.#upsampling;
  }

  set upsampling(upsampling: Upsampling) {
    this.#upsampling = upsampling;
    this.#tell('setUpsampling', upsampling);
  }

  anchor(anchors: readonly Anchor[]): void {
    this.#tell('anchor', anchors);
  }

  setCamera(camera: CameraSettings | undefined): void {
    this.cameraSettings = camera;
    this.#tell('setCamera', camera);
  }

  setRange(range: 'auto' | DisplayRange): void {
    this.range = range;
    this.#tell('setRange', range);
  }

  setSize(size: number): void {
    this.#asked = size;
    this.#tell('setSize', size);
  }

  setInferencer(inferencer: WorkerInferencer, size: number): void {
    if (this.closed) return;
    inferencer.guests++;
    this.#inferencer.guests--;
    this.#inferencer = inferencer;
    // The worker begins with the new network at its full size.
    this.#steps = 0;
    this.#asked = size;
    this.#tell('setInferencer', { inferencer: this.link.introduce(inferencer), size });
  }

  setMatte(next: { settings: MatteSettings; change: MatteChange }): void {
    this.#tell('setMatte', next);
  }

  reduce(steps: number): void {
    if (steps === this.#steps) return;
    this.#steps = steps;
    this.#tell('reduce', steps);
  }

  setStill(on: boolean): void {
    this.still = on ? 'on' : 'off';
    this.#tell('setStill', on);
  }

  reset(): void {
    this.#tell('reset', undefined);
  }

  close(reason: string): void {
    this.#end(reason);
  }

  thumbnail(): Promise<ThumbnailImage | undefined> {
    return this.#ask('thumbnail', undefined);
  }

  /** A recorder of the worker's; it is closed with the stream. */
  record(options: RecorderOptions, failed: (error: DepthcastError) => void): Recorder {
    this.#recorder = new RemoteRecorder(this.#ask, options, failed);
    return this.#recorder;
  }

  /** By the worker, in a process of its own. */
  send(settings: PushedOutputSettings, events: PusherEvents): Pusher {
    return this.#pushers.add(settings, events);
  }

  /** Of the worker's making, one frame at a time. */
  feed(take: (frame: FeedFrame) => void): Feed {
    this.#takeFed = take;
    return { ask: (request) => this.#tell('feed', request) };
  }

  /** What of its worker's news is of the stream. */
  hear(event: SessionEvent): void {
    switch (event.event) {
      case 'started':
        this.emit('started');
        break;
      case 'output':
        this.#pushers.take(event.output, event.news);
        break;
      case 'feed':
        this.#takeFed?.(event.frame);
        this.#tell('fed', undefined);
        break;
      case 'recording failed':
        this.#recorder?.fail(fromPlain(event.error));
    }
  }

  take(view: StreamView): void {
    this.#view = view;
    this.#viewedAt = performance.now();
    if (view.recording) this.#recorder?.look(view.recording);
    this.#pushers.look(view.outputs);
  }

  ended(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#inferencer.guests--;
    this.#recorder?.close();
    this.#pushers.forget();
    this.emit('closed', reason);
  }

  #tell<K extends CallName>(call: K, value: CallValue<K>): void {
    // A session that is gone is told by its own end.
    if (!this.closed) this.#ask(call, value).catch(() => {});
  }
}
