import { DepthcastError } from '../errors.ts';
import type { DepthData } from '../sinks/depth-data.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import { type DataChannel, RtcPeer } from '../webrtc/index.ts';
import { depthDataOf } from './outputs.ts';
import { DEPTH_CHANNEL, PeerSession } from './peer-session.ts';
import { peerOptions } from './peer-support.ts';
import type { ServerContext } from './server-context.ts';
import { SessionTelemetry } from './session-telemetry.ts';
import { SlowViewer, stateOf } from './slow-viewer.ts';

/** A peer that receives a stream's depth: as a gray track and, if it opens the channel "depth", as packets. */
export class Viewer extends PeerSession<'whep'> {
  readonly #leave: () => void;
  readonly #slow = new SlowViewer();
  #channel: DataChannel | undefined;
  /** What feeds it; the settings may since have changed. */
  #data: DepthData | undefined;

  private constructor(context: ServerContext, peer: RtcPeer, stream: LiveStream, leave: () => void) {
    super(context, 'whep', peer, stream);
    this.#leave = leave;
    const follow = () => {
      if (peer.connected && !this.closed) this.followTrack(true);
    };
    peer.on('connected', follow);
    peer.on('sender', follow);
    peer.on('channel', (channel) => this.#takeChannel(channel));
  }

  /**
   * @param client address that the offer came from, where it is known
   * @throws DepthcastError NO_PUBLISHER, BUSY, DRAINING, BAD_SDP, NO_VIDEO, UNSUPPORTED_CODEC
   */
  static async open(context: ServerContext, offer: string, name: string, client?: string): Promise<Viewer> {
    const telemetry = new SessionTelemetry(context, 'whep', name);
    let leave = () => {};
    try {
      const place = context.admission.view(name);
      const { stream } = place;
      leave = place.leave;
      const peer = await RtcPeer.answer(offer, peerOptions(context.config, 'view', client));
      const viewer = new Viewer(context, peer, stream, leave);
      context.registry.add(viewer);
      telemetry.follow(viewer);
      if (stream.closed) await viewer.close('stream ended');
      return viewer;
    } catch (thrown) {
      leave();
      telemetry.refused(thrown);
      throw thrown;
    }
  }

  protected leave(): void {
    this.#leave();
    if (this.#channel) this.#data?.remove(this.#channel);
  }

  protected tick(): void {
    const { config } = this.context;
    const { sender } = this.peer;
    if (!this.peer.connected) return;
    this.tell(this.channels.look(this.#channel), 'data');
    const channelBehind = this.#channel ? (this.#data?.behind(this.#channel) ?? 0) : 0;
    const state = stateOf(sender, config.output.minBitrate, channelBehind);
    const verdict = this.#slow.judge(state, performance.now(), config.limits.slowViewerSeconds * 1000);
    if (verdict === 'close') void this.close('slow viewer', new DepthcastError('SLOW_VIEWER'));
    else if (sender) this.grayTrack?.rest(sender, verdict === 'rest');
  }

  #takeChannel(channel: DataChannel): void {
    if (this.closed || channel.label !== DEPTH_CHANNEL || this.#channel) {
      this.emit('trouble', this.channels.refuse(channel.label), 'data');
      channel.close();
      return;
    }
    this.#channel = channel;
    const data = depthDataOf(this.stream, this.context.config.output.data, this.context);
    this.#data = data;
    data.add(channel);
    channel.on('close', () => {
      data.remove(channel);
      this.#channel = undefined;
    });
  }
}
