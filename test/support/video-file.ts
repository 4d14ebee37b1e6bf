import * as av from 'node-av';
import { formulaFrame } from './formula.ts';

export interface VideoFileOptions {
  width: number;
  height: number;
  frames: number;
  fps?: number | { num: number; den: number };
  /** FFmpeg's names; H.264 by default, the container by the path's ending. */
  codec?: string;
  /** Degrees clockwise by which a player should turn it. */
  rotate?: 90 | 180 | 270;
  /** Puts an MP4's index in front, so that a file cut short can be read. */
  indexFirst?: boolean;
  /** B-frames between two others, so that packets do not stand in the order of their pictures. */
  bFrames?: number;
  /** Every picture holds two fields, the upper one first. */
  interlaced?: boolean;
  /** Pixels at the top, bottom, left and right that a player should hide. */
  cropping?: readonly [number, number, number, number];
  /** Width of a pixel by its height, as the codec says it. */
  aspect?: readonly [number, number];
  transfer?: av.AVColorTransferCharacteristic;
  /** When picture n is shown, in frames; n unless told. Rising. */
  stamp?: (n: number) => number;
  /** Frames between keyframes. */
  gop?: number;
  /** The same picture all the time. */
  still?: boolean;
}

const COSINES = { 90: [0, 1], 180: [-1, 0], 270: [0, -1] } as const;

/** Writes a video of the pictures by formula, by FFmpeg's own encoders and muxers. */
export async function writeVideo(path: string, options: VideoFileOptions): Promise<void> {
  const { width, height, frames, fps = 24, codec = 'libx264', rotate, indexFirst, bFrames, cropping } = options;
  const rate = typeof fps === 'number' ? { num: fps, den: 1 } : fps;
  const { interlaced = false, aspect, stamp = (n) => n, gop = 12 } = options;
  const format = new av.FormatContext();
  ok(format.allocOutputContext2(null, null, `file:${path}`));
  const encoder = av.Codec.findEncoderByName(codec as av.FFVideoEncoder)!;
  const context = new av.CodecContext();
  context.allocContext3(encoder);
  const pixels = codec === 'gif' ? av.AV_PIX_FMT_RGB8 : codec === 'png' ? av.AV_PIX_FMT_RGB24 : av.AV_PIX_FMT_YUV420P;
  Object.assign(context, { width, height, pixelFormat: pixels, gopSize: gop, threadCount: 1 });
  if (interlaced) context.setFlags(av.AV_CODEC_FLAG_INTERLACED_DCT, av.AV_CODEC_FLAG_INTERLACED_ME);
  if (options.transfer !== undefined) context.colorTrc = options.transfer;
  if (aspect) context.sampleAspectRatio = new av.Rational(...aspect);
  if (bFrames) context.maxBFrames = bFrames;
  context.timeBase = new av.Rational(rate.den, rate.num);
  context.framerate = new av.Rational(rate.num, rate.den);
  context.setFlags(av.AV_CODEC_FLAG_GLOBAL_HEADER);
  if (codec === 'libx264') ok(context.setOption('preset', 'ultrafast'));
  ok(await context.open2(encoder, null));
  ok(await format.openOutput());
  const stream = format.newStream(null);
  ok(stream.codecpar.fromContext(context));
  stream.timeBase = new av.Rational(rate.den, rate.num);
  if (cropping) {
    const edges = Buffer.alloc(16);
    for (const [i, edge] of cropping.entries()) edges.writeUInt32LE(edge, 4 * i);
    ok(stream.codecpar.addCodedSideData(av.AV_PKT_DATA_FRAME_CROPPING, edges));
  }
  if (rotate) {
    const [cos, sin] = COSINES[rotate];
    const matrix = Buffer.alloc(36);
    [cos * 65536, sin * 65536, 0, -sin * 65536, cos * 65536, 0, 0, 0, 2 ** 30].forEach((value, i) => {
      matrix.writeInt32LE(value, 4 * i);
    });
    ok(stream.codecpar.addCodedSideData(av.AV_PKT_DATA_DISPLAYMATRIX, matrix));
  }
  ok(await format.writeHeader(av.Dictionary.fromObject(indexFirst ? { movflags: 'faststart' } : {})));
  const rgb = new av.Frame();
  const frame = new av.Frame();
  const scaler = new av.SoftwareScaleContext();
  for (const [one, pixelFormat] of [
    [rgb, av.AV_PIX_FMT_RGB24],
    [frame, pixels],
  ] as const) {
    one.alloc();
    Object.assign(one, { width, height, format: pixelFormat });
    ok(one.getBuffer());
  }
  scaler.getContext(width, height, av.AV_PIX_FMT_RGB24, width, height, pixels, av.SWS_BICUBIC);
  const packet = new av.Packet();
  packet.alloc();
  const drain = async () => {
    while (context.receivePacketSync(packet) >= 0) {
      packet.streamIndex = 0;
      packet.duration = 1n;
      packet.rescaleTs({ num: rate.den, den: rate.num }, stream.timeBase);
      ok(await format.interleavedWriteFrame(packet));
    }
  };
  for (let n = 0; n < frames; n++) {
    const picture = formulaFrame(options.still ? 0 : n, width, height);
    const stride = rgb.linesize[0]!;
    for (let y = 0; y < height; y++)
      rgb.data![0]!.set(picture.subarray(3 * y * width, 3 * (y + 1) * width), y * stride);
    ok(frame.makeWritable());
    ok(await scaler.scaleFrame(frame, rgb));
    frame.pts = BigInt(stamp(n));
    if (interlaced) frame.setFlags(av.AV_FRAME_FLAG_INTERLACED, av.AV_FRAME_FLAG_TOP_FIELD_FIRST);
    ok(await context.sendFrame(frame));
    await drain();
  }
  await context.sendFrame(null);
  await drain();
  ok(await format.writeTrailer());
  await format.closeOutput();
  for (const one of [rgb, frame]) one.free();
  packet.free();
  scaler.freeContext();
  context.freeContext();
}

function ok(code: number): void {
  if (code < 0) throw new Error(av.FFmpegError.strerror(code) ?? String(code));
}
