import { TrackPublishOptions, VideoEncoding } from '@livekit/rtc-ffi-bindings';
import { type LocalParticipant, LocalVideoTrack, TrackSource, VideoSource } from '@livekit/rtc-node';
import type { FrameTiming } from '../stream/depth-sink.ts';
import { type LiveDepth, toLuma } from '../stream/live-depth.ts';
import { shadesOf } from '../video/index.ts';
import { captureI420, FRAME_METADATA } from './ffi.ts';
import { identityOf } from './identity.ts';
import type { Outlet, RoomSinkOptions } from './room-sink.ts';

/** Luma 128 of U and V: no colour. */
const NO_COLOUR = 128;
const MAX_FPS = 60;

export interface TrackOptions {
  /** The track's name, and of the stream that viewers synchronise it within. */
  name: string;
  stream: string;
  maxBitrate: number;
}

/**
 * Depth as a gray video track of a room, of the map's own size: viewers scale it. libwebrtc encodes it, and follows the
 * receivers' bandwidth.
 */
export const trackSink = (options: TrackOptions): RoomSinkOptions => ({
  kind: 'track',
  publish: (participant, { map }) => GrayTrack.publish(participant, options, map.width, map.height),
});

class GrayTrack implements Outlet {
  /** After a reconnect the library publishes it again by itself. */
  readonly lost = false;
  readonly #participant: LocalParticipant;
  readonly #video: VideoSource;
  readonly #track: LocalVideoTrack;
  #sid: string | undefined;
  #luma = new Uint8ClampedArray(0);
  #chroma = new Uint8Array(0);
  #closed = false;

  private constructor(participant: LocalParticipant, name: string, width: number, height: number) {
    this.#participant = participant;
    this.#video = new VideoSource(width, height);
    this.#track = LocalVideoTrack.createVideoTrack(name, this.#video);
  }

  static async publish(
    participant: LocalParticipant,
    { name, stream, maxBitrate }: TrackOptions,
    width: number,
    height: number,
  ): Promise<GrayTrack> {
    const made = new GrayTrack(participant, name, width, height);
    try {
      const publication = await participant.publishTrack(
        made.#track,
        new TrackPublishOptions({
          source: TrackSource.SOURCE_UNKNOWN,
          stream,
          simulcast: false,
          videoEncoding: new VideoEncoding({ maxBitrate: BigInt(maxBitrate), maxFramerate: MAX_FPS }),
          frameMetadataFeatures: FRAME_METADATA,
        }),
      );
      made.#sid = publication.sid;
      return made;
    } catch (thrown) {
      // Native memory, which no garbage collector sees.
      made.close();
      throw thrown;
    }
  }

  send(depth: LiveDepth): FrameTiming {
    const began = performance.now();
    const { map, info, lastPacketAt } = depth;
    const { width, height, values } = map;
    if (this.#luma.length !== values.length) {
      this.#luma = new Uint8ClampedArray(values.length);
      this.#chroma = new Uint8Array(2 * ((width + 1) >> 1) * ((height + 1) >> 1)).fill(NO_COLOUR);
    }
    toLuma(values, info, shadesOf('depth'), this.#luma);
    const painted = performance.now();
    const luma = new Uint8Array(this.#luma.buffer);
    captureI420(this.#video, { luma, chroma: this.#chroma, width, height }, identityOf(depth));
    const now = performance.now();
    const latency = lastPacketAt === undefined ? undefined : now - lastPacketAt;
    return { encode: painted - began, send: now - painted, bytes: 0, latency };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // It rejects while the room reconnects or is gone: the track goes with it.
    if (this.#sid !== undefined) this.#participant.unpublishTrack(this.#sid).catch(() => {});
    void this.#track.close().catch(() => {});
  }
}
