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
  /** By which WebCodecs knows it (RFC 6381): a profile and level that cover what browsers send. */
  webCodec: string;
}

export const VIDEO_CODECS: Record<VideoCodec, CodecFacts> = {
  VP8: { title: 'VP8', sent: true, webCodec: 'vp8' },
  H264: { title: 'H.264', sent: true, webCodec: 'avc1.42e034' },
  VP9: { title: 'VP9', sent: false, webCodec: 'vp09.00.41.08' },
  AV1: { title: 'AV1', sent: false, webCodec: 'av01.0.08M.08' },
  H265: { title: 'H.265', sent: false, webCodec: 'hev1.1.6.L120.B0' },
};

/** All of them, those that are sent first. */
export const CODEC_NAMES = Object.keys(VIDEO_CODECS) as [VideoCodec, ...VideoCodec[]];
