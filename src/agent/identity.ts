import type { LiveDepth } from '../stream/live-depth.ts';

/** What a room knows a picture by: LiveKit's frame metadata, which travels within the encoded frame, and how it is to be shown. */
export interface FrameIdentity {
  /** Microseconds, and a number, of the publisher's own; neither where it sends none. */
  userTimestamp: bigint | undefined;
  frameId: number | undefined;
  userData: Uint8Array | undefined;
  /** Microseconds of this machine's clock at which it was received. */
  timestampUs: bigint;
  /** As VideoRotation of @livekit/rtc-ffi-bindings: quarter turns. */
  rotation: number;
}

/** The identity of the picture that a depth map was made of. */
export const identityOf = ({ identity }: LiveDepth): FrameIdentity | undefined => identity as FrameIdentity | undefined;
