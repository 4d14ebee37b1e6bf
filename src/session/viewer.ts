import { DepthcastError, toDepthcastError } from '../errors.ts';
import type { DataOutput } from '../protocol/output.ts';
import { LiveStream } from '../stream/live-stream.ts';
import { RtcPeer } from '../webrtc/index.ts';
import type { Admission } from './admission.ts';
import { checkEncodes } from './outputs.ts';
import type { ViewerOptions } from './peer-host.ts';
import { PeerSession, type SessionContext } from './peer-session.ts';
import { peerOptions } from './peer-support.ts';
import type { Registry } from './registry.ts';
import { SlowViewer, stateOf } from './slow-viewer.ts';

export type ViewerContext = SessionContext & { admission: Pick<Admission, 'view'>; registry: Pick<Registry, 'add'> };

/** A peer that receives a stream's depth: as a gray track and, if it opens the channel "depth", as packets. */
export class Viewer extends PeerSession<'whep'> {
  readonly #leave: () => void;
  readonly #slow = new SlowViewer();

  private constructor(context: SessionContext, peer: RtcPeer, stream: LiveStream, leave: () => void) {
    super(context, 'whep', peer, stream);
    this.#leave = leave;
    const follow = () => {
      if (!peer.connected || this.closed) return;
      try {
        // Offers that came together all found room; and a later one may change the codec.
        if (peer.sender) checkEncodes(stream, peer.sender.codec, this.shown, context, this.grayTrack);
        this.followTrack(true);
      } catch (thrown) {
        void this.close('refused', toDepthcastError(thrown));
      }
    };
    peer.on('connected', follow);
    peer.on('sender', follow);
  }

  /**
   * @throws DepthcastError BAD_REQUEST, NO_PUBLISHER, BUSY, DRAINING, BAD_SDP, NO_VIDEO, UNSUPPORTED_CODEC
   */
  static async open(
    context: ViewerContext,
    offer: string,
    name: string,
    { client, layout = context.config.output.layout, matte: change }: ViewerOptions = {},
  ): Promise<Viewer> {
    let leave = () => {};
    try {
      const place = context.admission.view(name);
      const { stream } = place;
      leave = place.leave;
      if (!(stream instanceof LiveStream)) throw new DepthcastError('INTERNAL', { detail: 'its stream is not here' });
      const matte = change === undefined ? stream.matte : stream.matte.own(change);
      if (typeof matte === 'string') throw new DepthcastError('BAD_REQUEST', { detail: matte });
      if (change !== undefined && matte.settings.unit === 'metres' && stream.unit !== 'metres')
        throw new DepthcastError('NOT_METRIC', {
          detail: `${stream.model} gives relative depth; ask for unit=normalised`,
        });
      const peer = await RtcPeer.answer(offer, peerOptions(context.config, 'view', client));
      try {
        if (peer.sender) checkEncodes(stream, peer.sender.codec, { layout, matte }, context);
      } catch (thrown) {
        await peer.close();
        throw thrown;
      }
      const viewer = new Viewer(context, peer, stream, leave);
      viewer.layout = layout;
      viewer.matte = matte;
      context.registry.add(viewer);
      if (stream.closed) await viewer.close('stream ended');
      return viewer;
    } catch (thrown) {
      leave();
      throw thrown;
    }
  }

  protected leave(): void {
    this.#leave();
  }

  /** A channel keeps what it began with: this is asked for once. */
  protected get carried(): DataOutput {
    return this.context.config.output;
  }

  protected tick(): void {
    const { config } = this.context;
    const { sender } = this.peer;
    if (!this.peer.connected) return;
    this.checkChannel();
    const state = stateOf(sender, config.output.minBitrate, this.channelBehind);
    const verdict = this.#slow.judge(state, performance.now(), config.limits.slowViewerSeconds * 1000);
    if (verdict === 'close') void this.close('slow viewer', new DepthcastError('SLOW_VIEWER'));
    else if (sender) this.grayTrack?.rest(sender, verdict === 'rest');
  }
}
