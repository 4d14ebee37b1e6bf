import type { EncodedFrame, VideoCodec } from '../../video/types.ts';
import type { Meter } from '../deadline.ts';
import type { VideoAgreement } from '../sdp/agreement.ts';

export interface ReceiverEvents {
  frame: [frame: EncodedFrame];
  /** Frames were lost for good: the next one will be a keyframe, which has been asked for. */
  gap: [];
}

export interface ReceiverStats {
  codec: VideoCodec;
  ssrc: number | undefined;
  packets: number;
  /** Payload bytes. */
  bytes: number;
  /** As in receiver reports: retransmissions do not make up for it. */
  lost: number;
  /** Packets asked for again, counting each time. */
  nacksSent: number;
  /** Lost packets that came after all. */
  recovered: number;
  rtxPackets: number;
  plisSent: number;
  frames: number;
  keyframes: number;
  discardedFrames: number;
  /** Those of them that came whole, and are not packed as the codec's payload format has it. */
  unreadableFrames: number;
  /** H.264 keyframes whose parameter sets are not known. */
  withoutParameterSets: number;
  /** Nothing but a keyframe can continue. */
  waiting: boolean;
  /** Packets of a payload type that was not agreed on, and the last such type. */
  strangePackets: number;
  strangePayloadType: number | undefined;
  /** Packets of sound, which is not taken. */
  soundPackets: number;
  /** Packets of streams beside the one that counts. */
  otherPackets: number;
  /** Packets that had come before, or too late. */
  duplicates: number;
  /** ms */
  jitter: number;
  /** bit/s that the sender is asked to stay below. */
  requestedBitrate: number;
  /** performance.now() */
  lastPacketAt: number | undefined;
}

export interface ReceiverOptions {
  agreement: VideoAgreement;
  /** Our own SSRC, for feedback. */
  localSsrc: number;
  /** bit/s to ask the sender for at most. */
  receiveBitrate: number;
  sendRtcp: (packet: Buffer) => void;
  /** Takes what a listener throws out of a timer. */
  fail: (thrown: unknown) => void;
  /** For the work of timers. */
  meter?: Meter;
  /** ms, where known. */
  roundTripTime: () => number | undefined;
}
