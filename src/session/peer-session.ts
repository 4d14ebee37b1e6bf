import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { DepthcastError } from '../errors.ts';
import type { ErrorSubject } from '../protocol/messages.ts';
import type { DataOutput, Layout } from '../protocol/output.ts';
import type { DepthData } from '../sinks/depth-data.ts';
import type { GrayTrack } from '../sinks/gray-track.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { MatteView } from '../stream/matte-control.ts';
import type { DataChannel, RtcPeer } from '../webrtc/index.ts';
import { depthDataOf, dropUnwatched, type Shown, trackOf } from './outputs.ts';
import { type PeerCounters, reportCost, reportRtp } from './peer-support.ts';
import type { ServerContext } from './server-context.ts';
import type { Session, SessionEvents } from './session.ts';
import { type SessionReport, sessionReport } from './session-report.ts';
import { ChannelWatch } from './stream-watch.ts';

/** How often a session's counters are read and its client is told. */
const REPORT_MS = 1000;
/** The data channel that depth packets travel on. */
const DEPTH_CHANNEL = 'depth';

/** What a session needs of its server. */
export type SessionContext = Pick<ServerContext, 'config' | 'metrics'>;

/** What publishers and viewers share: a name, the ways out to the peer, counters that are read once a second, and one end. */
export abstract class PeerSession<Kind extends Session['kind']> extends EventEmitter<SessionEvents> implements Session {
  /** Secret: whoever knows it may end or change the session. */
  readonly id = randomBytes(16).toString('base64url');
  readonly kind: Kind;
  readonly stream: LiveStream;
  readonly peer: RtcPeer;
  protected readonly context: SessionContext;
  readonly #channels: ChannelWatch;
  readonly #timer: NodeJS.Timeout;
  readonly #counters: PeerCounters = {};
  readonly #onStreamClosed = (reason: string) => void this.close(reason);
  /** What its track shows, and, where that is a matte, by whose settings. */
  protected layout: Layout;
  protected matte: MatteView;
  #grayTrack: GrayTrack | undefined;
  #channel: DataChannel | undefined;
  /** What feeds the channel. */
  #data: DepthData | undefined;
  #closed = false;

  protected constructor(context: SessionContext, kind: Kind, peer: RtcPeer, stream: LiveStream) {
    super();
    this.context = context;
    this.kind = kind;
    this.layout = context.config.output.layout;
    this.peer = peer;
    this.stream = stream;
    this.matte = stream.matte;
    this.#channels = new ChannelWatch(peer);
    this.#timer = setInterval(() => {
      reportCost(context.metrics, peer, this.#counters);
      this.tick(reportRtp(context.metrics, peer, this.#counters));
    }, REPORT_MS);
    context.metrics.sessions.inc({ kind });
    stream.once('closed', this.#onStreamClosed);
    peer.on('channel', (channel) => this.#takeChannel(channel));
    peer.on('closed', ({ reason, error }) => void this.close(reason, error));
  }

  /** Why a publisher's packets make no depth, as long as they make none. */
  get problem(): DepthcastError | undefined {
    return undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  report(): SessionReport {
    return sessionReport(this);
  }

  async close(reason: string, error?: DepthcastError): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    reportCost(this.context.metrics, this.peer, this.#counters);
    this.stream.off('closed', this.#onStreamClosed);
    this.followTrack(false);
    this.followData();
    this.leave(reason);
    const { metrics } = this.context;
    metrics.sessions.dec({ kind: this.kind });
    metrics.sessionEnds.inc({ kind: this.kind, reason });
    if (error) metrics.rejected.inc({ code: error.code });
    this.emit('closed', reason, error);
    await this.peer.close();
  }

  protected get shown(): Shown {
    return { layout: this.layout, matte: this.matte };
  }

  /** The track that the peer's sender is on. */
  protected get grayTrack(): GrayTrack | undefined {
    return this.#grayTrack;
  }

  /** Puts the peer's sender on the track of its layout and codec, which a later offer may change, or takes it off. */
  protected followTrack(on: boolean): void {
    const { sender } = this.peer;
    if (!sender) return;
    const track = on ? trackOf(this.stream, sender.codec, this.shown, this.context) : undefined;
    if (track !== this.#grayTrack) this.#grayTrack?.remove(sender);
    this.#grayTrack = track;
    track?.add(sender);
    dropUnwatched(this.stream);
  }

  /** What the peer's data channel carries. */
  protected abstract get carried(): DataOutput;

  /** Milliseconds for which the data channel has missed every frame. */
  protected get channelBehind(): number {
    return this.#channel ? (this.#data?.behind(this.#channel) ?? 0) : 0;
  }

  /** Feeds the peer's channel, once it is there, what it is to carry now. */
  protected followData(): void {
    if (!this.#channel) return;
    const data = this.#closed ? undefined : depthDataOf(this.stream, this.carried, this.context);
    if (data === this.#data) return;
    this.#data?.remove(this.#channel);
    this.#data = data;
    data?.add(this.#channel);
  }

  /** Tells of a channel that is missing, where there is something to carry. */
  protected checkChannel(): void {
    if (this.carried.data !== 'none') this.tell(this.#channels.look(), 'data');
  }

  #takeChannel(channel: DataChannel): void {
    if (this.#closed || channel.label !== DEPTH_CHANNEL || this.#channel) {
      this.emit('trouble', this.#channels.refuse(channel.label), 'data');
      channel.close();
      return;
    }
    this.#channel = channel;
    this.#channels.opened();
    this.followData();
    channel.on('close', () => {
      this.#data?.remove(channel);
      this.#data = undefined;
      this.#channel = undefined;
    });
  }

  /** Counts a trouble that nothing threw, and tells the client. */
  protected tell(error: DepthcastError | undefined, about: ErrorSubject): void {
    if (!error) return;
    this.context.metrics.rejected.inc({ code: error.code });
    this.emit('trouble', error, about);
  }

  /** Once a second. @param videoBytes received since the last time */
  protected abstract tick(videoBytes: number): void;

  /** The session ends: gives back what it alone holds. */
  protected abstract leave(reason: string): void;
}
