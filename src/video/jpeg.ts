import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { check, emptyFrame, fillRows, setOptions } from './native.ts';
import type { Picture } from './picture.ts';

/** Of 1 (best) to 31, in units of FF_QP2LAMBDA. */
const QUALITY = 3 * 118;
/** Pictures of a report are no wider. */
const WIDEST = 360;

/** A picture as the address of an inline JPEG. */
export function pictureUrl(picture: Picture): Promise<string> {
  return picture.read(jpegUrl);
}

/** @param rgb [height*width*3] */
export async function rgbUrl(rgb: Uint8Array, width: number, height: number): Promise<string> {
  const frame = emptyFrame(width, height, av.AV_PIX_FMT_RGB24);
  try {
    fillRows(frame, rgb, 3);
    return await jpegUrl(frame);
  } finally {
    frame.free();
  }
}

async function jpegUrl(source: av.Frame): Promise<string> {
  const scale = Math.min(1, WIDEST / source.width);
  const width = Math.max(2, Math.round(source.width * scale));
  const height = Math.max(2, Math.round(source.height * scale));
  const codec = av.Codec.findEncoderByName('mjpeg' as av.FFVideoEncoder);
  if (!codec) throw new DepthcastError('CODEC_FAILED', { detail: 'FFmpeg has no mjpeg encoder' });
  const scaler = new av.SoftwareScaleContext();
  const context = new av.CodecContext();
  const packet = new av.Packet();
  scaler.allocContext();
  context.allocContext3(codec);
  packet.alloc();
  // Full chroma: colours mean something here.
  const frame = emptyFrame(width, height, av.AV_PIX_FMT_YUVJ444P);
  try {
    frame.colorSpace = av.AVCOL_SPC_BT470BG;
    frame.colorRange = av.AVCOL_RANGE_JPEG;
    setOptions(scaler, { sws_flags: 'bicubic+accurate_rnd+full_chroma_inp' });
    check(await scaler.scaleFrame(frame, source), 'scaling');
    context.width = width;
    context.height = height;
    context.pixelFormat = av.AV_PIX_FMT_YUVJ444P;
    context.colorRange = av.AVCOL_RANGE_JPEG;
    context.timeBase = new av.Rational(1, 1);
    context.threadCount = 1;
    setOptions(context, { flags: '+qscale', global_quality: String(QUALITY) });
    check(await context.open2(codec, null), 'opening the mjpeg encoder');
    frame.pts = 0n;
    frame.quality = QUALITY;
    check(await context.sendFrame(frame), 'encoding a picture');
    check(context.receivePacketSync(packet), 'encoding a picture');
    return `data:image/jpeg;base64,${Buffer.from(packet.data ?? []).toString('base64')}`;
  } finally {
    scaler.freeContext();
    context.freeContext();
    packet.free();
    frame.free();
  }
}
