import { EventEmitter } from 'node:events';
import { DepthcastError, fromPlain, toPlain } from '../errors.ts';
import type { DataOutput, Layout } from '../protocol/output.ts';
import type { PublisherSession, Session, SessionEvents, SessionPeer } from '../session/session.ts';
import type { SessionReport } from '../session/session-report.ts';
import type { IceCandidateInit, PeerStats } from '../webrtc/index.ts';
import type { Ask, CallName, CallValue, HostedView, Opened, SessionEvent } from './protocol.ts';
import type { RemoteStream } from './remote-stream.ts';
import { type SessionLink, WORKER_DIED } from './session-link.ts';

/** A session in a media worker. */
export class RemoteSession extends EventEmitter<SessionEvents> implements PublisherSession {
  readonly id: string;
  readonly kind: Session['kind'];
  readonly stream: RemoteStream;
  readonly peer: RemotePeer;
  readonly #ask: Ask;
  #report: SessionReport;

  /** @param streamOf makes a publisher's stream, or gives a viewer's */
  constructor(link: SessionLink, opened: Opened, streamOf: (ask: Ask, end: (reason: string) => void) => RemoteStream) {
    super();
    this.id = opened.id;
    this.#ask = (call, value) => link.call(this.id, call, value);
    this.#report = opened.view.report;
    this.kind = opened.view.report.kind;
    this.peer = new RemotePeer(this.#ask, opened);
    this.stream = streamOf(this.#ask, (reason) => void this.close(reason));
    if (opened.closed) this.#end('stream ended', undefined);
  }

  get closed(): boolean {
    return this.peer.closed;
  }

  report(): SessionReport {
    const { closed, connected } = this.peer;
    return { ...this.#report, state: closed ? 'closed' : connected ? 'connected' : 'connecting' };
  }

  checkLayout(layout: Layout): Promise<void> {
    return this.#ask('checkLayout', layout);
  }

  setTrack(on: boolean): void {
    this.#tell('setTrack', on);
  }

  setLayout(layout: Layout): void {
    this.#tell('setLayout', layout);
  }

  setData({ data, dataSize }: DataOutput): void {
    this.#tell('setData', { data, dataSize });
  }

  /** Settles when the worker has ended it, or is gone. */
  async close(reason: string, error?: DepthcastError): Promise<void> {
    if (this.closed) return;
    await this.#ask('close', { reason, error: error && toPlain(error) }).catch(() => {});
  }

  /** What its worker tells. */
  take(event: SessionEvent): void {
    if (this.closed) return;
    if ('view' in event) this.look(event.view);
    switch (event.event) {
      case 'connected':
        this.peer.connect();
        break;
      case 'report':
        this.emit('report', event.report);
        break;
      case 'trouble':
        this.emit('trouble', fromPlain(event.error), event.about);
        break;
      case 'closed':
        this.#end(event.reason, event.error && fromPlain(event.error));
        break;
      default:
        this.stream.hear(event);
    }
  }

  look(view: HostedView): void {
    if (this.closed || !('peer' in view)) return;
    const { report, peer, stream } = view;
    this.#report = report;
    this.peer.look(peer);
    if (stream) this.stream.take(stream);
  }

  /** Its worker is gone. */
  lose(error: DepthcastError): void {
    if (!this.closed) this.#end(WORKER_DIED, error);
  }

  #end(reason: string, error: DepthcastError | undefined): void {
    this.peer.end();
    if (this.kind !== 'whep') this.stream.ended(reason);
    this.emit('closed', reason, error);
  }

  #tell<K extends CallName>(call: K, value: CallValue<K>): void {
    if (!this.closed) this.#ask(call, value).catch(() => {});
  }
}

/** The peer of a session in a media worker. */
class RemotePeer extends EventEmitter<{ connected: [] }> implements SessionPeer {
  closed = false;
  connected = false;
  answerSdp: string;
  notes: readonly string[];
  readonly #ask: Ask;
  #stats: PeerStats;

  constructor(ask: Ask, { answer, notes, view }: Opened) {
    super();
    this.#ask = ask;
    this.answerSdp = answer;
    this.notes = notes;
    this.#stats = view.peer;
  }

  /** As of the last second. */
  getStats(): PeerStats {
    return this.#stats;
  }

  async addCandidate(candidate: IceCandidateInit): Promise<void> {
    if (!this.closed) await this.#ask('addCandidate', candidate);
  }

  async restart(sdp: string, bytes = Buffer.byteLength(sdp)): Promise<string> {
    if (this.closed) throw new DepthcastError('SESSION_NOT_FOUND');
    const { answer, notes } = await this.#ask('restart', { sdp, bytes });
    this.answerSdp = answer;
    this.notes = notes;
    return answer;
  }

  look(stats: PeerStats): void {
    this.#stats = stats;
  }

  connect(): void {
    this.connected = true;
    this.emit('connected');
  }

  end(): void {
    this.closed = true;
    this.connected = false;
  }
}
