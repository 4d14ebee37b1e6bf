import type { VideoCodec } from '../codecs.ts';
import { DepthcastError } from '../errors.ts';
import type { ReceiverStats } from '../webrtc/peer/receiver-types.ts';

/** What is known of a stream that makes no depth. */
export interface Symptoms {
  /** Of the peer's video. */
  received: ReceiverStats;
  /** RTP and RTCP packets that were not authentic. */
  rejected: number;
  /** Frames that were decoded, and those of them that got depth. */
  decoded: number;
  made: number;
  /** The last failure of the decoder, and how many keyframes it has refused since it last gave a picture. */
  decoding: { error: DepthcastError; keyframes: number } | undefined;
  /** The last failure after decoding. */
  failure: DepthcastError | undefined;
  /** Milliseconds that the network has had the present picture for, where it has one. */
  waiting: number | undefined;
}

export interface Diagnosis {
  error: DepthcastError;
  /** Waiting does not help: the sender has to change. */
  final: boolean;
  /** The client was told when it happened. */
  told?: boolean;
}

const PAYLOAD_FORMATS: Record<VideoCodec, string> = {
  VP8: 'RFC 7741',
  VP9: 'RFC 9628',
  AV1: 'RTP Payload Format for AV1',
  H264: 'RFC 6184: single NAL units, STAP-A, FU-A',
  H265: 'RFC 7798: single NAL units, AP, FU',
};

/** The network has had a picture for so long: then it is the network that depth waits for. */
const NETWORK_PATIENCE_MS = 1900;

/** Keyframes that the decoder refuses one after another are no accident. */
const SURE_KEYFRAMES = 3;

/**
 * Why no depth is made although packets come, and what the sender should change: the first step at which nothing gets
 * through. Undefined where every step works, or none has had its chance.
 */
export function diagnose({
  received,
  rejected,
  decoded,
  made,
  decoding,
  failure,
  waiting,
}: Symptoms): Diagnosis | undefined {
  const { packets, frames, strangePackets, strangePayloadType, withoutParameterSets, discardedFrames } = received;
  const because = (code: 'BAD_VIDEO' | 'NO_KEYFRAME' | 'BUSY', detail: string, final = false): Diagnosis => ({
    error: new DepthcastError(code, { detail }),
    final,
  });
  if (packets === 0 && strangePackets > 0)
    return because(
      'BAD_VIDEO',
      `${strangePackets} packets of payload type ${strangePayloadType} came, which the answer does not list`,
      true,
    );
  if (received.lastPacketAt === undefined && rejected > 0)
    return because(
      'BAD_VIDEO',
      `${rejected} packets came, none of them authentic and well formed: they are of other SRTP keys, or their padding is wrong`,
    );
  if (packets === 0 && received.soundPackets > 0)
    return because('BAD_VIDEO', `${received.soundPackets} packets of sound came, and none of video`);
  if (packets === 0 && received.lastPacketAt !== undefined)
    return because('BAD_VIDEO', 'nothing but retransmissions and probes came');
  if (decoding) {
    const { error, keyframes } = decoding;
    return { error, final: keyframes >= SURE_KEYFRAMES || FINAL.some((sign) => error.message.includes(sign)) };
  }
  if (received.waiting && withoutParameterSets > 0)
    return because(
      'NO_KEYFRAME',
      `${withoutParameterSets} came without parameter sets; send SPS and PPS before keyframes, or in sprop-parameter-sets`,
    );
  const { unreadableFrames, codec } = received;
  if (received.waiting && 2 * unreadableFrames > discardedFrames)
    return because(
      'BAD_VIDEO',
      `${unreadableFrames} frames came whole whose packets are no ${codec} as RTP carries it (${PAYLOAD_FORMATS[codec]})`,
      frames === 0,
    );
  if (received.waiting && discardedFrames > 0)
    return because(
      'NO_KEYFRAME',
      `${discardedFrames} frames that need one came, ${received.lost} packets were lost, ${received.plisSent} keyframes ` +
        'asked for; answer PLI, or send keyframes every second or two',
    );
  if (packets > 0 && frames === 0) return because('BAD_VIDEO', `${packets} packets made no whole frame`);
  if (decoded === 0) return undefined;
  if (failure) return { error: failure, final: false, told: true };
  // Before that the picture was late, not the network: it was decoded just now.
  if (waiting !== undefined && waiting >= NETWORK_PATIENCE_MS && made === 0)
    return because('BUSY', `the network has worked on the first picture for ${Math.floor(waiting / 1000)} s`);
  return undefined;
}

/** In messages of the decoder, of what a sender does on and on. */
const FINAL = ['B-frames', 'larger than allowed'];
