import type { VideoCodec } from '../../video/types.ts';
import type { BitrateLimits } from '../rtp/bitrate.ts';
import type { VideoAgreement } from '../sdp/agreement.ts';

export interface SenderEvents {
  /** The receiver needs a keyframe (PLI or FIR); requests within a short time come as one. */
  keyframe: [];
  /** Bits per second to encode, whenever it moves by more than a little. */
  bitrate: [bitsPerSecond: number];
}

export interface SenderStats {
  codec: VideoCodec;
  ssrc: number;
  frames: number;
  keyframes: number;
  packets: number;
  /** Payload bytes. */
  bytes: number;
  nacksReceived: number;
  retransmitted: number;
  keyframeRequests: number;
  /** As the receiver reports it, 0..1. */
  fractionLost: number;
  /** ms, from receiver reports. */
  roundTripTime: number | undefined;
  targetBitrate: number;
  /** Receiver's estimate (REMB), bit/s. */
  remb: number | undefined;
}

export interface SenderOptions {
  agreement: VideoAgreement;
  ssrc: number;
  rtxSsrc: number;
  bitrate?: BitrateLimits;
  /** False where the connection is not up. */
  sendRtp: (packet: Buffer, headerLength: number) => boolean;
  /** Takes what a listener throws out of a timer. */
  fail: (thrown: unknown) => void;
}
