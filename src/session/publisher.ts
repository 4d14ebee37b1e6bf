import { randomBytes } from 'node:crypto';
import type { Inferencer } from '../depth/types.ts';
import { DepthcastError } from '../errors.ts';
import type { ModelManifest } from '../model/manifest.ts';
import type { DataOutput, Layout } from '../protocol/output.ts';
import { TrackSource } from '../sources/track-source.ts';
import { LiveStream } from '../stream/live-stream.ts';
import { RtcPeer, type VideoReceiver } from '../webrtc/index.ts';
import type { Admission } from './admission.ts';
import { checkEncodes } from './outputs.ts';
import type { PublisherOptions } from './peer-host.ts';
import { PeerSession, type SessionContext } from './peer-session.ts';
import { peerOptions } from './peer-support.ts';
import type { Registry } from './registry.ts';
import type { PublisherSession } from './session.ts';
import { SlowViewer, stateOf } from './slow-viewer.ts';
import { StreamWatch } from './stream-watch.ts';

export type PublisherContext = SessionContext & {
  admission: Pick<Admission, 'reserve' | 'checkWorkers'>;
  pool: { get(model: string | undefined): Promise<Inferencer>; sizeOf(model: ModelManifest): number };
  registry: Pick<Registry, 'add'>;
};

/** A peer that sends video, and the live stream that is made of it. */
export class Publisher extends PeerSession<'whip' | 'ws'> implements PublisherSession {
  readonly #freeName: () => void;
  #track: boolean;
  readonly #watch: StreamWatch;
  #source: TrackSource | undefined;
  #problem: DepthcastError | undefined;
  #slow = new SlowViewer();
  /** performance.now() until which the gray track pauses. */
  #shedUntil = 0;
  #data: DataOutput;

  private constructor(
    context: SessionContext,
    peer: RtcPeer,
    stream: LiveStream,
    o: PublisherOptions,
    freeName: () => void,
  ) {
    super(context, o.role === 'publish' ? 'whip' : 'ws', peer, stream);
    this.#freeName = freeName;
    this.#watch = new StreamWatch(peer, stream);
    this.#track = o.track;
    this.layout = o.layout ?? this.layout;
    this.#data = { data: o.data, dataSize: o.dataSize ?? 'network' };
    stream.on('trouble', (error, about) => this.emit('trouble', error, about));
    peer.on('receiver', (receiver) => this.#takeReceiver(receiver));
    peer.on('sender', () => this.#wireTrack());
    if (peer.receiver) this.#takeReceiver(peer.receiver);
    this.#wireTrack();
  }

  /**
   * Answers an offer and starts a stream.
   * @throws DepthcastError STREAM_TAKEN, BUSY, DRAINING, BAD_SDP, NO_VIDEO, UNSUPPORTED_CODEC, MODEL_NOT_FOUND, BAD_SIZE
   */
  static async open(context: PublisherContext, offer: string, options: PublisherOptions): Promise<Publisher> {
    const name = options.stream ?? randomBytes(16).toString('base64url');
    let free = () => {};
    let stream: LiveStream | undefined;
    try {
      const place = context.admission.reserve(name);
      free = place.free;
      context.admission.checkWorkers(options.model);
      const inferencer = await context.pool.get(options.model);
      // At once, so that the worker counts this stream before it is offered to the next.
      const { metrics, config } = context;
      const size = options.size ?? context.pool.sizeOf(inferencer.model);
      const { upsampling = config.output.upsampling } = options;
      const unlisted = options.stream === undefined;
      const still = config.depth.still === 'on';
      stream = new LiveStream({ name, unlisted, inferencer, size, metrics, depth: config.depth, upsampling, still });
      if (options.camera) stream.setCamera(options.camera);
      const peer = await RtcPeer.answer(offer, peerOptions(context.config, options.role, options.client));
      if (!peer.receiver) {
        await peer.close();
        throw new DepthcastError('NO_VIDEO', { detail: 'none of its video sections sends (sendrecv or sendonly)' });
      }
      const publisher = new Publisher(context, peer, stream, options, free);
      place.filled(stream);
      context.registry.add(publisher);
      return publisher;
    } catch (thrown) {
      stream?.close('refused');
      free();
      throw thrown;
    }
  }

  override get problem(): DepthcastError | undefined {
    return this.#problem;
  }

  setTrack(on: boolean): void {
    this.#track = on;
    this.#wireTrack();
  }

  checkLayout(layout: Layout): void {
    const { sender } = this.peer;
    if (sender) checkEncodes(this.stream, sender.codec, { layout, matte: this.matte }, this.context, this.grayTrack);
  }

  setLayout(layout: Layout): void {
    this.layout = layout;
    this.#wireTrack();
  }

  setData({ data, dataSize }: DataOutput): void {
    this.#data = { data, dataSize };
    this.followData();
  }

  protected get carried(): DataOutput {
    return this.#data;
  }

  #takeReceiver(receiver: VideoReceiver): void {
    if (this.closed || this.stream.source) return;
    const side = this.context.config.limits.pictureSide;
    this.#source = new TrackSource(receiver, side, (error) => {
      this.context.metrics.rejected.inc({ code: error.code });
      this.emit('trouble', error, 'video');
    });
    this.stream.attach(this.#source);
  }

  #wireTrack(): void {
    if (this.closed) return;
    this.followTrack(this.#track);
    this.#slow = new SlowViewer();
    this.#shedUntil = 0;
  }

  protected leave(reason: string): void {
    this.#freeName();
    this.stream.close(reason);
  }

  protected tick(videoBytes: number): void {
    this.emit('report', this.stream.stats.report(videoBytes));
    this.#judge();
    if (this.kind === 'ws') this.checkChannel();
    const found = this.#watch.look(this.#source);
    this.#problem = found?.error;
    if (found?.fresh) this.tell(found.error, 'video');
    const { idleSeconds } = this.context.config.limits;
    // A WHIP client learns nothing but that its session ended.
    if (found && ((found.final && this.kind === 'whip') || this.stream.idleFor > idleSeconds * 1000))
      void this.close('failed', found.error);
    else if (this.stream.idleFor > idleSeconds * 1000)
      void this.close('idle', new DepthcastError('NO_VIDEO', { detail: `no picture for ${idleSeconds} s` }));
  }

  /**
   * Sheds the gray track of a client that cannot take it, and tries again later; its video goes on, and so does depth on
   * the data channel, which never holds more than one frame and follows the path by itself.
   */
  #judge(): void {
    const { sender, connected } = this.peer;
    const now = performance.now();
    if (!sender || !connected || !this.#track || this.closed || now < this.#shedUntil) return;
    const { output, limits } = this.context.config;
    const patience = limits.slowViewerSeconds * 1000;
    const verdict = this.#slow.judge(stateOf(sender, output.minBitrate, 0), now, patience);
    this.grayTrack?.rest(sender, verdict !== 'send');
    if (verdict !== 'close') return;
    this.#slow = new SlowViewer();
    this.#shedUntil = now + patience;
    this.tell(new DepthcastError('TRACK_PAUSED', { detail: `for ${limits.slowViewerSeconds} s` }), 'track');
  }
}
