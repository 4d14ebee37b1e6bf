import { writeFileSync } from 'node:fs';
import * as av from 'node-av';
import { formulaFrame } from '../support/formula.ts';

export const CLIP_FPS = 15;
av.Log.setLevel(av.AV_LOG_ERROR);
// SVT-AV1 has a log of its own; errors alone.
process.env['SVT_LOG'] = '1';
export const CLIP_SIZE = { width: 640, height: 480 };
const { width: WIDTH, height: HEIGHT } = CLIP_SIZE;

/** How the test pictures are encoded; `h264-slices` has four slices a picture, as most encoders tuned for low delay make them. */
export type ClipName = 'vp8' | 'vp9' | 'av1' | 'h264' | 'h264-slices' | 'h265';

const ENCODERS: Record<ClipName, { codec: string; options: Record<string, string> }> = {
  vp8: { codec: 'libvpx', options: { deadline: 'realtime', 'cpu-used': '8' } },
  vp9: { codec: 'libvpx-vp9', options: { deadline: 'realtime', 'cpu-used': '8' } },
  av1: { codec: 'libsvtav1', options: { preset: '12', 'svtav1-params': 'pred-struct=1:rc=2' } },
  h264: {
    codec: 'libx264',
    options: { preset: 'ultrafast', profile: 'baseline', 'x264-params': 'slices=1:bframes=0' },
  },
  'h264-slices': {
    codec: 'libx264',
    options: { preset: 'ultrafast', profile: 'baseline', 'x264-params': 'slices=4:bframes=0' },
  },
  h265: { codec: 'libx265', options: { preset: 'ultrafast', tune: 'zerolatency', 'x265-params': 'log-level=error' } },
};

/** An encoder of 640x480 pictures at 15 fps with a keyframe a second. */
export async function openEncoder(name: ClipName, globalHeader = false): Promise<av.CodecContext> {
  const { codec, options } = ENCODERS[name];
  const encoder = av.Codec.findEncoderByName(codec as av.FFVideoEncoder);
  if (!encoder) throw new Error(`this build of FFmpeg has no ${codec}`);
  const context = new av.CodecContext();
  context.allocContext3(encoder);
  Object.assign(context, { width: WIDTH, height: HEIGHT, pixelFormat: av.AV_PIX_FMT_YUV420P });
  Object.assign(context, { gopSize: CLIP_FPS, threadCount: 1, bitRate: 1_000_000n });
  context.timeBase = new av.Rational(1, CLIP_FPS);
  context.framerate = new av.Rational(CLIP_FPS, 1);
  if (globalHeader) context.setFlags(av.AV_CODEC_FLAG_GLOBAL_HEADER);
  for (const [key, value] of Object.entries(options)) ok(context.setOption(key, value));
  ok(await context.open2(encoder, null));
  return context;
}

/** The test pictures, one after the other, in a frame that is used again. */
export async function* pictures(): AsyncGenerator<av.Frame> {
  const rgb = allocate(av.AV_PIX_FMT_RGB24);
  const frame = allocate(av.AV_PIX_FMT_YUV420P);
  const scaler = new av.SoftwareScaleContext();
  scaler.getContext(WIDTH, HEIGHT, av.AV_PIX_FMT_RGB24, WIDTH, HEIGHT, av.AV_PIX_FMT_YUV420P, av.SWS_BICUBIC);
  try {
    for (let n = 0; ; n++) {
      const picture = formulaFrame(n, WIDTH, HEIGHT);
      const stride = rgb.linesize[0]!;
      for (let y = 0; y < HEIGHT; y++)
        rgb.data![0]!.set(picture.subarray(3 * y * WIDTH, 3 * (y + 1) * WIDTH), y * stride);
      ok(frame.makeWritable());
      ok(await scaler.scaleFrame(frame, rgb));
      frame.pts = BigInt(n);
      yield frame;
    }
  } finally {
    rgb.free();
    frame.free();
    scaler.freeContext();
  }
}

/** Writes three seconds of encoded frames, each behind its length (u32, little endian). */
export async function writeClip(name: ClipName, path: string, frames = 3 * CLIP_FPS): Promise<void> {
  const context = await openEncoder(name);
  const packet = new av.Packet();
  packet.alloc();
  const parts: Buffer[] = [];
  const drain = () => {
    while (context.receivePacketSync(packet) >= 0) {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(packet.data!.length);
      parts.push(length, Buffer.from(packet.data!));
      packet.unref();
    }
  };
  let n = 0;
  for await (const frame of pictures()) {
    if (n++ === frames) break;
    ok(await context.sendFrame(frame));
    drain();
  }
  await context.sendFrame(null);
  drain();
  packet.free();
  context.freeContext();
  writeFileSync(path, Buffer.concat(parts));
}

export function ok(code: number): void {
  if (code < 0) throw new Error(av.FFmpegError.strerror(code) ?? String(code));
}

function allocate(format: av.AVPixelFormat): av.Frame {
  const frame = new av.Frame();
  frame.alloc();
  Object.assign(frame, { width: WIDTH, height: HEIGHT, format });
  ok(frame.getBuffer());
  return frame;
}
