import type { VideoCodec } from '../codecs.ts';
import {
  av1Size,
  type CodedSize,
  h264Size,
  h265Size,
  hasH264Slice,
  hasH265Slice,
  vp8Size,
  vp9Size,
} from './bitstream.ts';

interface EncoderImplementation {
  /** FFmpeg's encoder. */
  name: string;
  options: Record<string, string>;
  /** Whether its bitrate can be changed while it is open. */
  liveRate: boolean;
}

/** How FFmpeg decodes and encodes one codec. */
interface CodecImplementation {
  /** FFmpeg's decoder. */
  decoder: string;
  /** Whether a frame may hold several pictures, spatial layers, of which the last is meant. */
  layered: boolean;
  /** Size that a compressed picture declares, before anything is decoded or allocated; undefined where it declares none. */
  size(data: Uint8Array): CodedSize | undefined;
  /** Whether a frame must give a picture; undefined for codecs with invisible frames. */
  hasPicture: ((data: Uint8Array) => boolean) | undefined;
  /** Of gray pictures; undefined for codecs that are only received. */
  encoder: EncoderImplementation | undefined;
}

export const IMPLEMENTATIONS: Record<VideoCodec, CodecImplementation> = {
  /*
   * A negative cpu-used fixes the speed; a positive one lets libvpx slow down until it fills its time. Measured at 640x480 on
   * the embedded network's maps of three scenes, 150 kbps to 3 Mbps: +4..+14 take half as much again as -12, and -16 with
   * static-thresh 100 takes a quarter less than -12 (two fifths at low bitrates), with PSNR between 0.3 dB worse and 2.4
   * better, and is decoded for a third less. -16 alone overshoots low bitrates. Error resilience costs 5 % of the bits;
   * losses are repaired by NACK and PLI anyway.
   */
  VP8: {
    decoder: 'vp8',
    layered: false,
    size: vp8Size,
    hasPicture: undefined,
    encoder: {
      name: 'libvpx',
      options: {
        deadline: 'realtime',
        'cpu-used': '-16',
        'static-thresh': '100',
        'lag-in-frames': '0',
        'auto-alt-ref': '0',
      },
      liveRate: false,
    },
  },
  /*
   * One slice, no reordering; parameter sets stand before every keyframe because there is no global header. superfast costs
   * 1.5 ms instead of 0.9 for 6 % less error.
   */
  H264: {
    decoder: 'h264',
    layered: false,
    size: h264Size,
    hasPicture: hasH264Slice,
    encoder: {
      name: 'libx264',
      options: { preset: 'ultrafast', tune: 'zerolatency', profile: 'baseline', 'forced-idr': '1', sc_threshold: '0' },
      liveRate: true,
    },
  },
  VP9: { decoder: 'vp9', layered: true, size: vp9Size, hasPicture: undefined, encoder: undefined },
  AV1: { decoder: 'libdav1d', layered: false, size: av1Size, hasPicture: undefined, encoder: undefined },
  H265: { decoder: 'hevc', layered: false, size: h265Size, hasPicture: hasH265Slice, encoder: undefined },
};
