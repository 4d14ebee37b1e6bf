import { TrackPublishOptions, VideoEncoding } from '@livekit/rtc-ffi-bindings';
import { type LocalParticipant, LocalVideoTrack, TrackSource, VideoSource } from '@livekit/rtc-node';
import type { DepthSink, SinkListener } from '../stream/depth-sink.ts';
import { type LiveDepth, toLuma } from '../stream/live-depth.ts';
import { Mailbox } from '../stream/mailbox.ts';
import { shadesOf } from '../video/index.ts';
import { captureI420, FRAME_METADATA } from './ffi.ts';
import { identityOf } from './identity.ts';

/** Luma 128 of U and V: no colour. */
const NO_COLOUR = 128;
const MAX_FPS = 60;

export interface TrackSinkOptions {
  /** The track's name, and of the stream that viewers synchronise it within. */
  name: string;
  stream: string;
  maxBitrate: number;
}

/**
 * Depth as a gray video track of a room, of the map's own size: viewers scale it. libwebrtc encodes it, and follows the
 * receivers' bandwidth. It is published with the first map.
 */
export class TrackSink implements DepthSink {
  readonly name = 'track';
  readonly about = 'track';
  readonly #participant: LocalParticipant;
  readonly #options: TrackSinkOptions;
  readonly #listener: SinkListener;
  readonly #mailbox = new Mailbox<LiveDepth>(
    (depth) => this.#send(depth),
    (depth) => depth.release(),
  );
  #video: VideoSource | undefined;
  #track: LocalVideoTrack | undefined;
  #sid: string | undefined;
  #luma = new Uint8ClampedArray(0);
  #chroma = new Uint8Array(0);
  #closed = false;

  constructor(participant: LocalParticipant, options: TrackSinkOptions, listener: SinkListener) {
    this.#participant = participant;
    this.#options = options;
    this.#listener = listener;
  }

  /** The room does not tell who subscribed. */
  get receivers(): number {
    return this.#closed ? 0 : 1;
  }

  push(depth: LiveDepth): void {
    if (!this.#closed) this.#mailbox.put(depth.retain());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#mailbox.close();
    if (!this.#mailbox.busy) this.#unpublish();
  }

  async #send(depth: LiveDepth): Promise<void> {
    try {
      const began = performance.now();
      const { map, info, lastPacketAt } = depth;
      const { width, height } = map;
      this.#video ??= await this.#publish(width, height);
      if (this.#closed) return;
      if (this.#luma.length !== map.values.length) {
        this.#luma = new Uint8ClampedArray(map.values.length);
        this.#chroma = new Uint8Array(2 * ((width + 1) >> 1) * ((height + 1) >> 1)).fill(NO_COLOUR);
      }
      toLuma(map.values, info, shadesOf('depth'), this.#luma);
      const painted = performance.now();
      const luma = new Uint8Array(this.#luma.buffer);
      captureI420(this.#video, { luma, chroma: this.#chroma, width, height }, identityOf(depth));
      const now = performance.now();
      const latency = lastPacketAt === undefined ? undefined : now - lastPacketAt;
      this.#listener.sent({ encode: painted - began, send: now - painted, bytes: 0, latency });
    } catch (thrown) {
      if (!this.#closed) this.#listener.failed(thrown as Error);
    } finally {
      depth.release();
      if (this.#closed) this.#unpublish();
    }
  }

  async #publish(width: number, height: number): Promise<VideoSource> {
    const { name, stream, maxBitrate } = this.#options;
    const video = new VideoSource(width, height);
    this.#track = LocalVideoTrack.createVideoTrack(name, video);
    const publication = await this.#participant.publishTrack(
      this.#track,
      new TrackPublishOptions({
        source: TrackSource.SOURCE_UNKNOWN,
        stream,
        simulcast: false,
        videoEncoding: new VideoEncoding({ maxBitrate: BigInt(maxBitrate), maxFramerate: MAX_FPS }),
        frameMetadataFeatures: FRAME_METADATA,
      }),
    );
    this.#sid = publication.sid;
    return video;
  }

  #unpublish(): void {
    const [track, sid] = [this.#track, this.#sid];
    this.#track = undefined;
    this.#video = undefined;
    if (track === undefined) return;
    // It rejects while the room reconnects or is gone: the track goes with it.
    if (sid !== undefined) this.#participant.unpublishTrack(sid).catch(() => {});
    void track.close().catch(() => {});
  }
}
