import { expect, test } from 'vitest';
import { depthMap } from '../../test/depth-map.ts';
import { planesOf } from '../../test/pictures.ts';
import { nalUnits } from './bitstream.ts';
import { GrayEncoder, LiveDecoder, Picture } from './index.ts';
import type { EncodedFrame, VideoCodec } from './types.ts';

const CODECS: VideoCodec[] = ['VP8', 'H264'];
const luma = (time: number, noise = 2e-3) => Uint8Array.from(depthMap(160, 120, noise, 1, time), (v) => 16 + 219 * v);

async function encoded(codec: VideoCodec, count: number, width = 320, height = 240): Promise<EncodedFrame[]> {
  const encoder = await GrayEncoder.create({ codec, width, height, bitrate: 800_000, fps: 30 });
  const frames: EncodedFrame[] = [];
  for (let n = 0; n < count; n++) frames.push(await encoder.encode(luma(n / 30), 160, 120, n * 3000));
  encoder.close();
  return frames;
}

/** Centre-aligned bilinear enlargement by two, edges repeated: what the encoder's scaler is meant to do. */
function doubled(map: Uint8Array, width: number, height: number): Float32Array {
  const result = new Float32Array(4 * map.length);
  const at = (x: number, y: number) =>
    map[Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))]!;
  for (let y = 0; y < 2 * height; y++)
    for (let x = 0; x < 2 * width; x++) {
      const nearX = x >> 1;
      const nearY = y >> 1;
      const farX = nearX + (x & 1 ? 1 : -1);
      const farY = nearY + (y & 1 ? 1 : -1);
      result[y * 2 * width + x] =
        (9 * at(nearX, nearY) + 3 * at(farX, nearY) + 3 * at(nearX, farY) + at(farX, farY)) / 16;
    }
  return result;
}

test.each(CODECS)(
  '%s: each map comes back at once, with its timestamp across the wrap, true to a few levels',
  async (codec) => {
    const encoder = await GrayEncoder.create({ codec, width: 320, height: 240, bitrate: 2_000_000, fps: 30 });
    const decoder = await LiveDecoder.create(codec);
    const before = Picture.open;
    for (let n = 0; n < 40; n++) {
      const map = luma(n / 30, 0);
      const rtpTimestamp = (2 ** 32 - 60_000 + n * 3000) >>> 0;
      const frame = await encoder.encode(map, 160, 120, rtpTimestamp);
      expect(frame).toMatchObject({ codec, rtpTimestamp, keyframe: n === 0 });
      const picture = await decoder.decode({ ...frame, captureTime: 1e12 + n, firstPacketAt: 1, lastPacketAt: 2 });
      expect(picture).toMatchObject({
        width: 320,
        height: 240,
        rtpTimestamp,
        captureTime: 1e12 + n,
        firstPacketAt: 1,
        lastPacketAt: 2,
      });
      if (n === 39) {
        const [y, u, v] = await planesOf(picture!);
        const reference = doubled(map, 160, 120);
        const errors = y!.reduce((sum, value, i) => sum + Math.abs(value - reference[i]!), 0);
        expect(errors / reference.length).toBeLessThan(1);
        expect(u!.every((value) => value === 128) && v!.every((value) => value === 128)).toBe(true);
      }
      picture!.close();
    }
    expect(decoder.stats).toEqual({ decoded: 40, skipped: 0, failed: 0 });
    expect(Picture.open).toBe(before);
    encoder.close();
    decoder.close();
  },
);

test.each(CODECS)('%s: luma is kept over its whole range, 0 to 255', async (codec) => {
  const encoder = await GrayEncoder.create({ codec, width: 64, height: 64, bitrate: 2_000_000, fps: 30 });
  const decoder = await LiveDecoder.create(codec);
  for (const level of [0, 5, 16, 128, 235, 250, 255]) {
    const frame = await encoder.encode(new Uint8Array(64 * 64).fill(level), 64, 64, level * 3000, { keyframe: true });
    const picture = await decoder.decode(frame);
    const [y] = await planesOf(picture!);
    expect(Math.max(...y!.map((value) => Math.abs(value - level)))).toBeLessThanOrEqual(2);
    picture!.close();
  }
  encoder.close();
  decoder.close();
});

test.each(CODECS)('%s: keyframes come when asked for and not otherwise, even on a cut', async (codec) => {
  const encoder = await GrayEncoder.create({ codec, width: 320, height: 240, bitrate: 500_000, fps: 30 });
  const keys: number[] = [];
  for (let n = 0; n < 90; n++) {
    const map = n < 45 ? luma(n / 30) : luma(n / 30).map((value) => 255 - value);
    const frame = await encoder.encode(map, 160, 120, n * 3000, { keyframe: n === 20 || n === 70 });
    if (frame.keyframe) keys.push(n);
  }
  expect(keys).toEqual([0, 20, 70]);
  encoder.close();
});

test('H264 keyframes carry their parameter sets, for a browser that was promised constrained baseline', async () => {
  const encoder = await GrayEncoder.create({ codec: 'H264', width: 640, height: 480, bitrate: 500_000, fps: 30 });
  for (let n = 0; n < 3; n++) {
    const { data } = await encoder.encode(luma(n), 160, 120, n * 3000, { keyframe: n !== 1 });
    const types = [...nalUnits(data)].map((nal) => nal[0]! & 31);
    expect(types.filter((type) => type !== 6)).toEqual(n === 1 ? [1] : [7, 8, 5]);
    if (n !== 1) {
      const at = Buffer.from(data).indexOf(Uint8Array.of(0, 0, 1, 0x67)) + 4;
      expect(data[at]).toBe(66);
      expect(data[at + 1]! & 0x40).toBe(0x40); // constraint_set1_flag: constrained baseline
      expect(data[at + 2]).toBeLessThanOrEqual(31);
    }
  }
  encoder.close();
});

test.each(CODECS.flatMap((codec) => [[codec, 1_500_000, 500_000] as const, [codec, 500_000, 1_500_000] as const]))(
  '%s keeps to its bitrate, and a new one takes effect: %i, then %i',
  async (codec, from, to) => {
    const encoder = await GrayEncoder.create({ codec, width: 320, height: 240, bitrate: from, fps: 30 });
    const second = async (number: number, keyframe = false) => {
      let bytes = 0;
      for (let n = 30 * number; n < 30 * number + 30; n++) {
        // Fresh noise in each frame: the encoder needs all the bits that it may spend.
        const map = Uint8Array.from(depthMap(160, 120, 0.1, n), (v) => 16 + 219 * v);
        bytes += (await encoder.encode(map, 160, 120, n * 3000, { keyframe: keyframe && n === 30 * number })).data
          .length;
      }
      return 8 * bytes;
    };
    await second(0);
    expect(Math.abs((await second(1)) / from - 1)).toBeLessThan(0.15);
    encoder.setBitrate(to);
    await second(2, true);
    await second(3);
    expect(Math.abs((await second(4)) / to - 1)).toBeLessThan(0.25);
    encoder.close();
  },
);

test('VP8 takes a large change of bitrate by itself, after a while, and no small one', async () => {
  const encoder = await GrayEncoder.create({ codec: 'VP8', width: 64, height: 48, bitrate: 500_000, fps: 30 });
  const keys: number[] = [];
  const changes = new Map([
    [60, 450_000],
    [90, 300_000],
    [95, 100_000],
    [200, 120_000],
    [210, Number.NaN],
    [220, 1e12],
  ]);
  for (let n = 0; n < 600; n++) {
    const change = changes.get(n);
    if (change !== undefined) encoder.setBitrate(change);
    if ((await encoder.encode(luma(0), 160, 120, n * 3000)).keyframe) keys.push(n);
  }
  // 300k at once; 100k when a second has passed since; NaN counts as none; the top rate eight seconds later.
  expect(keys).toEqual([0, 90, 121, 210, 451]);
  encoder.close();
});

test('timestamps that jump or stand still do not stop the encoder', async () => {
  for (const codec of CODECS) {
    const encoder = await GrayEncoder.create({ codec, width: 64, height: 48, bitrate: 100_000, fps: 30 });
    for (const rtpTimestamp of [5000, 5000, 2000, 4_000_000_000, 100, 2 ** 31, 2 ** 31 + 3000])
      expect((await encoder.encode(luma(0), 160, 120, rtpTimestamp)).rtpTimestamp).toBe(rtpTimestamp);
    encoder.close();
  }
});

test('odd sizes become even; map sizes may change; impossible ones are refused', async () => {
  const encoder = await GrayEncoder.create({ codec: 'VP8', width: 321, height: 179, bitrate: 300_000, fps: 30 });
  expect([encoder.width, encoder.height]).toEqual([322, 180]);
  const decoder = await LiveDecoder.create('VP8');
  for (const [n, [width, height]] of (
    [
      [1, 1],
      [7, 5],
      [400, 300],
      [160, 120],
    ] as const
  ).entries()) {
    const picture = await decoder.decode(
      await encoder.encode(new Uint8Array(width * height).fill(77), width, height, n * 3000),
    );
    expect(picture).toMatchObject({ width: 322, height: 180 });
    expect((await planesOf(picture!))[0]!.every((value) => Math.abs(value - 77) < 3)).toBe(true);
    picture!.close();
  }
  await expect(encoder.encode(new Uint8Array(5), 2, 2, 0)).rejects.toMatchObject({ code: 'INTERNAL' });
  await expect(GrayEncoder.create({ codec: 'VP8', width: 0, height: 0, bitrate: 1, fps: 30 })).rejects.toMatchObject({
    code: 'CODEC_FAILED',
  });
  await expect(
    GrayEncoder.create({ codec: 'H264', width: 40_000, height: 40_000, bitrate: 1e6, fps: 30 }),
  ).rejects.toMatchObject({ code: 'CODEC_FAILED' });
  const last = encoder.encode(new Uint8Array(4), 2, 2, 90_000);
  encoder.close();
  encoder.close();
  await last;
  await expect(encoder.encode(new Uint8Array(4), 2, 2, 93_000)).rejects.toThrow('close');
  decoder.close();
});

test.each(CODECS)('%s: the picture size may change with a keyframe', async (codec) => {
  const decoder = await LiveDecoder.create(codec);
  for (const [width, height] of [
    [320, 240],
    [640, 360],
    [64, 48],
  ] as const)
    for (const frame of await encoded(codec, 4, width, height)) {
      const picture = await decoder.decode(frame);
      expect(picture).toMatchObject({ width, height });
      picture!.close();
    }
  decoder.close();
});

test.each(CODECS)('%s: pictures beyond the limit are refused, and the next good keyframe is shown', async (codec) => {
  const decoder = await LiveDecoder.create(codec, { maxWidth: 400, maxHeight: 300 });
  const [large, next] = await encoded(codec, 2, 640, 480);
  const [edge] = await encoded(codec, 1, 402, 240);
  const [small] = await encoded(codec, 1, 400, 300);
  await expect(decoder.decode(large!)).rejects.toMatchObject({ code: 'PICTURE_TOO_LARGE' });
  expect(decoder.waitsForKeyframe).toBe(true);
  expect(await decoder.decode(next!)).toBeUndefined();
  await expect(decoder.decode(edge!)).rejects.toMatchObject({ code: 'PICTURE_TOO_LARGE' });
  const picture = await decoder.decode(small!);
  expect(picture).toMatchObject({ width: 400, height: 300 });
  picture!.close();
  expect(decoder.waitsForKeyframe).toBe(false);
  decoder.close();
});

test.each(CODECS)('%s: nothing is shown before a keyframe or after damage', async (codec) => {
  const frames = await encoded(codec, 12);
  const [key] = await encoded(codec, 1);
  const decoder = await LiveDecoder.create(codec);
  const shown = async (frame: EncodedFrame) => {
    const picture = await decoder.decode(frame);
    picture?.close();
    return picture !== undefined;
  };
  expect(decoder.waitsForKeyframe).toBe(true);
  expect(await shown(frames[1]!)).toBe(false);
  expect(await shown(frames[0]!)).toBe(true);
  expect(await shown(frames[1]!)).toBe(true);
  await expect(decoder.decode({ ...frames[2]!, data: Uint8Array.of(1, 2, 3) })).rejects.toMatchObject({
    code: 'CODEC_FAILED',
  });
  expect(decoder.waitsForKeyframe).toBe(true);
  expect(await shown(frames[3]!)).toBe(false);
  expect(await shown({ ...key!, rtpTimestamp: 90_000 })).toBe(true);
  expect(await shown(frames[1]!)).toBe(true);
  expect(decoder.stats).toEqual({ decoded: 4, skipped: 2, failed: 1 });
  decoder.close();
});

test('a decoder that cannot keep up refuses, and comes back with the next keyframe', async () => {
  const frames = await encoded('VP8', 90);
  const decoder = await LiveDecoder.create('VP8');
  const outcomes = await Promise.allSettled(
    frames.map(async (frame, n) => {
      const picture = await decoder.decode(n === 75 ? { ...frames[0]!, rtpTimestamp: frame.rtpTimestamp } : frame);
      picture?.close();
      return picture?.rtpTimestamp;
    }),
  );
  const seen = outcomes.map((o) => (o.status === 'rejected' ? o.reason.code : o.value));
  const shown = (from: number, to: number) => frames.slice(from, to).map((frame) => frame.rtpTimestamp);
  const nothing = (count: number) => new Array(count).fill(undefined);
  // One is being decoded and 64 wait, since they came together; the next is one too many. The keyframe displaces those that wait.
  expect(seen).toEqual([0, ...nothing(64), 'DECODER_OVERRUN', ...nothing(9), ...shown(75, 90)]);
  decoder.close();
});

test('a decoder at work does not ask for keyframes', async () => {
  const frames = await encoded('VP8', 6);
  const decoder = await LiveDecoder.create('VP8');
  const asked = frames.map(async (frame) => {
    (await decoder.decode(frame))!.close();
    return decoder.waitsForKeyframe;
  });
  expect(decoder.waitsForKeyframe).toBe(false); // one is on its way
  expect(await Promise.all(asked)).toEqual(new Array(6).fill(false));
  decoder.close();
});

test('closing a busy decoder frees everything', async () => {
  const frames = await encoded('H264', 5);
  const before = Picture.open;
  const decoder = await LiveDecoder.create('H264');
  const running = frames.map((frame) => decoder.decode(frame));
  decoder.close();
  decoder.close();
  expect(await Promise.all(running)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  expect(Picture.open).toBe(before);
  await expect(decoder.decode(frames[0]!)).rejects.toMatchObject({ code: 'INTERNAL' });
});
