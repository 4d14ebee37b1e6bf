import type { RemoteTrack } from '@livekit/rtc-node';
import { DepthcastError } from '../errors.ts';
import type { FrameSource, SourceListener } from '../stream/frame-source.ts';
import { rawPicture } from '../video/index.ts';
import { type ReceivedFrame, readFrames } from './ffi.ts';
import type { FrameIdentity } from './identity.ts';

const MAX_TIMESTAMP = 0xffff_ffffn;

/** A remote participant's video as a live source. libwebrtc decodes it. */
export class RoomSource implements FrameSource {
  readonly codec: string;
  readonly #track: RemoteTrack;
  readonly #maxSide: number;
  #close: (() => void) | undefined;
  /** Frames so far, and those that came with an identity of the publisher's. */
  frames = 0;
  identified = 0;

  /** @param maxSide longest side in pixels; larger pictures are refused */
  constructor(track: RemoteTrack, { codec, maxSide }: { codec: string; maxSide: number }) {
    this.#track = track;
    this.codec = codec;
    this.#maxSide = maxSide;
  }

  start(listener: SourceListener): void {
    this.#close = readFrames(
      this.#track,
      (frame) => this.#take(frame, listener),
      () => {},
    );
  }

  close(): void {
    this.#close?.();
  }

  #take({ planes, width, height, rotation, timestampUs, metadata }: ReceivedFrame, listener: SourceListener): void {
    const began = performance.now();
    this.frames++;
    if (Math.max(width, height) > this.#maxSide) {
      const detail = `${width}x${height}; ${this.#maxSide} is allowed`;
      listener.undecodable(new DepthcastError('PICTURE_TOO_LARGE', { detail }));
      return;
    }
    const { userTimestamp, frameId, userData } = metadata ?? {};
    if (userTimestamp !== undefined || frameId !== undefined) this.identified++;
    const identity: FrameIdentity = { userTimestamp, frameId, userData, timestampUs, rotation };
    const rtpTimestamp = Number(((timestampUs * 9n) / 100n) & MAX_TIMESTAMP);
    const captureTime = userTimestamp === undefined ? {} : { captureTime: Number(userTimestamp) / 1000 };
    const picture = rawPicture(planes, width, height, rtpTimestamp, { identity, ...captureTime });
    // Native memory is copied twice; decoding is done before, in threads of libwebrtc.
    listener.picture(picture, { assemble: 0, decode: performance.now() - began });
  }
}
