import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { DepthcastError } from '../errors.ts';
import { type DataChannel, RtcPeer } from '../rtc/index.ts';
import type { DepthData } from './depth-data.ts';
import type { House } from './house.ts';
import type { LiveStream } from './live-stream.ts';
import { type PeerCounters, peerOptions, reportRtp } from './peer-support.ts';
import type { Session } from './session.ts';
import { SlowViewer } from './slow-viewer.ts';
import { SessionTrail } from './trail.ts';

const REPORT_MS = 1000;

interface ViewerEvents {
  closed: [reason: string, error: DepthcastError | undefined];
}

/** A peer that receives a stream's depth: as a gray track and, if it opens the channel "depth", as packets. */
export class Viewer extends EventEmitter<ViewerEvents> implements Session {
  readonly id = randomBytes(16).toString('base64url');
  readonly kind = 'whep';
  readonly stream: LiveStream;
  readonly peer: RtcPeer;
  readonly #house: House;
  readonly #leave: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly #counters: PeerCounters = {};
  readonly #slow = new SlowViewer();
  #channel: DataChannel | undefined;
  /** What feeds it; the settings may since have changed. */
  #data: DepthData | undefined;
  readonly #onStreamClosed = (reason: string) => void this.close(reason);
  #closed = false;

  private constructor(house: House, peer: RtcPeer, stream: LiveStream, leave: () => void) {
    super();
    this.peer = peer;
    this.stream = stream;
    this.#house = house;
    this.#leave = leave;
    this.#timer = setInterval(() => this.#tick(), REPORT_MS);
    house.metrics.sessions.inc({ kind: this.kind });
    stream.once('closed', this.#onStreamClosed);
    peer.on('closed', ({ reason, error }) => void this.close(reason, error));
    peer.on('connected', () => {
      if (peer.sender && !this.#closed) stream.grayTrack(peer.sender.codec).add(peer.sender);
    });
    peer.on('channel', (channel) => this.#takeChannel(channel));
  }

  /** @throws DepthcastError NO_PUBLISHER, BUSY, DRAINING, BAD_SDP, NO_VIDEO, UNSUPPORTED_CODEC */
  static async open(house: House, offer: string, name: string): Promise<Viewer> {
    const trail = new SessionTrail(house, 'whep', name);
    let leave = () => {};
    try {
      const place = house.registry.view(name);
      const { stream } = place;
      leave = place.leave;
      const peer = await RtcPeer.answer(offer, peerOptions(house.config, 'view'));
      const viewer = new Viewer(house, peer, stream, leave);
      house.registry.add(viewer);
      trail.follow(viewer);
      if (stream.closed) await viewer.close('stream ended');
      return viewer;
    } catch (thrown) {
      leave();
      trail.refused(thrown);
      throw thrown;
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  async close(reason: string, error?: DepthcastError): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#leave();
    this.stream.off('closed', this.#onStreamClosed);
    if (this.peer.sender) this.stream.grayTrack(this.peer.sender.codec).remove(this.peer.sender);
    this.#house.metrics.sessions.dec({ kind: this.kind });
    this.#house.metrics.sessionEnds.inc({ kind: this.kind, reason });
    if (error) this.#house.metrics.rejected.inc({ code: error.code });
    this.emit('closed', reason, error);
    await this.peer.close();
  }

  #tick(): void {
    const { metrics, config } = this.#house;
    reportRtp(metrics, this.peer, this.#counters);
    const { sender } = this.peer;
    if (!this.peer.connected) return;
    const { fractionLost = 0, targetBitrate = Infinity, remb } = sender?.getStats() ?? {};
    const channelBehind = this.#channel ? (this.#data?.behind(this.#channel) ?? 0) : 0;
    const { minBitrate } = config.output;
    const patience = config.limits.slowViewerSeconds * 1000;
    const state = { fractionLost, targetBitrate, minBitrate, remb, channelBehind };
    const verdict = this.#slow.judge(state, performance.now(), patience);
    if (verdict === 'close') void this.close('slow viewer', new DepthcastError('SLOW_VIEWER'));
    else if (sender) this.stream.grayTrack(sender.codec).rest(sender, verdict === 'rest');
  }

  #takeChannel(channel: DataChannel): void {
    if (this.#closed || channel.label !== 'depth' || this.#channel) {
      channel.close();
      return;
    }
    this.#channel = channel;
    const data = this.stream.depthData(this.#house.config.output.data);
    this.#data = data;
    data.add(channel);
    const leave = () => {
      data.remove(channel);
      this.#channel = undefined;
    };
    channel.on('close', leave);
    this.once('closed', leave);
  }
}
