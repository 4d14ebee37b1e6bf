import type { VideoCodec } from '../../codecs.ts';
import { av1Format } from './av1.ts';
import { h264Format } from './h264.ts';
import { h265Format } from './h265.ts';
import type { PayloadFormat } from './payload-format.ts';
import { vp8Format } from './vp8.ts';
import { vp9Format } from './vp9.ts';

export const PAYLOAD_FORMATS: Record<VideoCodec, PayloadFormat> = {
  VP8: vp8Format,
  H264: h264Format,
  VP9: vp9Format,
  AV1: av1Format,
  H265: h265Format,
};
