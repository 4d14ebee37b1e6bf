import fc from 'fast-check';
import * as av from 'node-av';
import { expect, test } from 'vitest';
import { av1Size, h264Size, h265Size, hasH264Slice, hasH265Slice, nalUnits, vp8Size, vp9Size } from './bitstream.ts';
import { GrayEncoder } from './index.ts';

async function keyframe(codec: 'VP8' | 'H264', width: number, height: number): Promise<Uint8Array> {
  const encoder = await GrayEncoder.create({ codec, width, height, bitrate: 300_000, fps: 30 });
  const { data } = await encoder.encode(new Uint8Array(64).fill(90), 8, 8, 0);
  encoder.close();
  return data;
}

/** One picture from x264 with another profile and chroma format than our own encoder uses. */
async function x264(width: number, height: number, format: av.AVPixelFormat, options: Record<string, string>) {
  const codec = av.Codec.findEncoderByName('libx264' as av.FFVideoEncoder)!;
  const context = new av.CodecContext();
  context.allocContext3(codec);
  context.width = width;
  context.height = height;
  context.pixelFormat = format;
  context.timeBase = new av.Rational(1, 30);
  for (const [name, value] of Object.entries({ tune: 'zerolatency', ...options })) context.setOption(name, value);
  expect(await context.open2(codec, null)).toBe(0);
  const frame = new av.Frame();
  frame.alloc();
  frame.width = width;
  frame.height = height;
  frame.format = format;
  frame.getBuffer();
  for (const plane of frame.data!) plane.fill(100);
  frame.pts = 0n;
  await context.sendFrame(frame);
  const packet = new av.Packet();
  packet.alloc();
  expect(await context.receivePacket(packet)).toBe(0);
  const data = Uint8Array.from(packet.data!);
  frame.free();
  packet.free();
  context.freeContext();
  return data;
}

test.each([
  [640, 480],
  [176, 144],
  [1280, 720],
  [2, 2],
])('VP8 keyframes of %ix%i declare their size', async (width, height) => {
  expect(vp8Size(await keyframe('VP8', width, height))).toEqual({ width, height });
});

test('VP8 interframes and garbage declare none', () => {
  expect(vp8Size(Uint8Array.of(1, 0, 0, 0x9d, 1, 0x2a, 1, 0, 1, 0))).toBeUndefined();
  expect(vp8Size(Uint8Array.of(0, 0, 0, 0x9d, 1, 0x2b, 1, 0, 1, 0))).toBeUndefined();
  expect(vp8Size(new Uint8Array(3))).toBeUndefined();
});

test.each([
  ['our own baseline', 642, 360, av.AV_PIX_FMT_YUV420P, { profile: 'baseline' }],
  ['high', 1920, 1080, av.AV_PIX_FMT_YUV420P, { profile: 'high' }],
  ['scaling lists', 64, 48, av.AV_PIX_FMT_YUV420P, { profile: 'high', 'x264-params': 'cqm=jvt' }],
  ['4:4:4', 100, 50, av.AV_PIX_FMT_YUV444P, { profile: 'high444', 'x264-params': 'cqm=jvt' }],
  ['interlaced', 720, 576, av.AV_PIX_FMT_YUV420P, { profile: 'main', 'x264-params': 'interlaced=1' }],
])('H.264 parameter sets declare whole macroblocks: %s', async (_, width, height, format, options) => {
  const data = await x264(width, height, format, options as Record<string, string>);
  const lines = 'x264-params' in options && options['x264-params'].startsWith('interlaced') ? 32 : 16;
  expect(h264Size(data)).toEqual({
    width: Math.ceil(width / 16) * 16,
    height: Math.ceil(height / lines) * lines,
  });
  expect(hasH264Slice(data)).toBe(true);
});

test('NAL units are found behind three- and four-byte start codes', () => {
  const stream = Uint8Array.of(0, 0, 0, 1, 0x67, 5, 0, 0, 1, 0x68, 6, 0, 0, 0, 1, 0x65, 7, 1, 0, 2);
  expect([...nalUnits(stream)].map((nal) => [...nal])).toEqual([
    [0x67, 5],
    [0x68, 6, 0],
    [0x65, 7, 1, 0, 2],
  ]);
  expect(hasH264Slice(stream.subarray(0, 11))).toBe(false);
  expect([...nalUnits(new Uint8Array(10))]).toEqual([]);
});

test('any bytes are read without error, in time that grows with their number', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const read of [vp8Size, vp9Size, av1Size, hasH265Slice]) read(bytes);
      av1Size(Uint8Array.of(0x0a, 100, ...bytes));
      vp9Size(Uint8Array.of(0x82, 0x49, 0x83, 0x42, ...bytes));
      h265Size(Uint8Array.of(0, 0, 1, 0x42, 1, ...bytes));
      const sps = Uint8Array.of(0, 0, 1, 0x67, ...bytes);
      const size = h264Size(sps);
      if (size) expect(size.width * size.height).toBeGreaterThan(0);
    }),
    { numRuns: 1000 },
  );
  expect(h264Size(Uint8Array.of(0, 0, 1, 0x67, ...new Uint8Array(100_000)))).toBeDefined();
});
