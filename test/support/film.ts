import * as av from 'node-av';
import { openEncoder } from '../../src/video/encoder.ts';
import { check } from '../../src/video/native.ts';
import type { EncodedFrame, VideoCodec } from '../../src/video/types.ts';

export interface FilmOptions {
  codec?: VideoCodec;
  /** FFmpeg's encoder and its options. */
  encoder?: string;
  options?: Record<string, string>;
  width?: number;
  height?: number;
  frames?: number;
  /** Frames from keyframe to keyframe. */
  gop?: number;
  bitrate?: number;
  bFrames?: number;
  /** The frames are pairs of fields. */
  interlaced?: boolean;
}

const TICKS = 3000;

/** A moving picture, encoded as other senders' encoders do it, in the order of the stream; 30 frames a second. */
export async function film({
  codec = 'H264',
  encoder = 'libx264',
  options = {},
  width = 320,
  height = 240,
  frames = 30,
  gop = 30,
  bitrate = 500_000,
  bFrames = 0,
  interlaced = false,
}: FilmOptions = {}): Promise<EncodedFrame[]> {
  const context = await openEncoder(
    encoder,
    codec,
    (opened) => {
      opened.width = width;
      opened.height = height;
      opened.pixelFormat = av.AV_PIX_FMT_YUV420P;
      opened.timeBase = new av.Rational(1, 90_000);
      opened.framerate = new av.Rational(30, 1);
      opened.gopSize = gop;
      opened.maxBFrames = bFrames;
      opened.bitRate = BigInt(bitrate);
      opened.threadCount = 1;
      if (interlaced) opened.setFlags(av.AV_CODEC_FLAG_INTERLACED_DCT, av.AV_CODEC_FLAG_INTERLACED_ME);
    },
    options,
  );
  const packet = new av.Packet();
  packet.alloc();
  const made: EncodedFrame[] = [];
  const drain = async () => {
    while ((await context.receivePacket(packet)) >= 0) {
      const { data, isKeyframe, pts } = packet;
      made.push({
        codec,
        data: Uint8Array.from(data!),
        keyframe: isKeyframe,
        rtpTimestamp: Number(pts) >>> 0,
      });
      packet.unref();
    }
  };
  for (let n = 0; n < frames; n++) {
    const frame = new av.Frame();
    frame.alloc();
    frame.width = width;
    frame.height = height;
    frame.format = av.AV_PIX_FMT_YUV420P;
    check(frame.getBuffer(), 'a picture');
    paint(frame, width, height, n);
    frame.pts = BigInt(n * TICKS);
    if (interlaced) frame.setFlags(av.AV_FRAME_FLAG_INTERLACED, av.AV_FRAME_FLAG_TOP_FIELD_FIRST);
    check(await context.sendFrame(frame), 'encoding');
    frame.free();
    await drain();
  }
  await context.sendFrame(null);
  await drain();
  context.freeContext();
  packet.free();
  return made;
}

/** A ball that crosses a slope. */
function paint(frame: av.Frame, width: number, height: number, n: number): void {
  const [luma, ...chroma] = frame.data!;
  const stride = frame.linesize[0]!;
  const [cx, cy, r] = [((n * 4) % (width + 80)) - 40, height / 2, height / 5];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const ball = (x - cx) ** 2 + (y - cy) ** 2 < r * r;
      luma![y * stride + x] = ball ? 200 - ((x * 3) & 31) : 40 + ((160 * y) / height + ((x >> 4) & 1) * 20);
    }
  for (const plane of chroma) plane.fill(128);
}
