/**
 * The video codecs, by the names that they have in SDP. To add one, add it here: the compiler then names every table that
 * needs to know of it (video/codecs.ts, webrtc/rtp/payload-formats.ts, webrtc/sdp/codec-rules.ts).
 */
export type VideoCodec = 'VP8' | 'H264' | 'VP9' | 'AV1' | 'H265';

export interface CodecFacts {
  /** For people. */
  title: string;
  /** Whether depth is sent as this, too; every one is received. */
  sent: boolean;
}

export const VIDEO_CODECS: Record<VideoCodec, CodecFacts> = {
  VP8: { title: 'VP8', sent: true },
  H264: { title: 'H.264', sent: true },
  VP9: { title: 'VP9', sent: false },
  AV1: { title: 'AV1', sent: false },
  H265: { title: 'H.265', sent: false },
};

/** All of them, those that are sent first. */
export const CODEC_NAMES = Object.keys(VIDEO_CODECS) as [VideoCodec, ...VideoCodec[]];
