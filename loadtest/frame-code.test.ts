import { expect, test } from 'vitest';
import { GrayEncoder, LiveDecoder } from '../src/video/index.ts';
import { planesOf } from '../test/pictures.ts';
import { codeRows, drawFrameCode, readFrameCode } from '../test/support/load/frame-code.ts';
import { Film } from './film.ts';

test('every stream and frame number comes back from the picture it was drawn into', () => {
  const [width, height] = [320, 240];
  const luma = new Uint8Array(width * height).fill(100);
  for (const code of [
    { stream: 0, frame: 0 },
    { stream: 63, frame: 65535 },
    { stream: 21, frame: 0x5a5a },
  ]) {
    drawFrameCode(luma, width, height, code);
    expect(readFrameCode(luma, width, width, height)).toEqual(code);
  }
  drawFrameCode(luma, width, height, { stream: 65, frame: 65536 + 7 });
  expect(readFrameCode(luma, width, width, height)).toEqual({ stream: 1, frame: 7 });
  expect(luma.subarray(0, width * (height - codeRows(width))).every((value) => value === 100)).toBe(true);
});

test('a picture without a code, or with a damaged one, has none', () => {
  const [width, height] = [640, 480];
  const luma = new Uint8Array(width * height).fill(128);
  expect(readFrameCode(luma, width, width, height)).toBeUndefined();
  drawFrameCode(luma, width, height, { stream: 5, frame: 1234 });
  for (let cell = 2; cell < 32; cell++) {
    const damaged = luma.slice();
    for (let y = height - 16; y < height; y++)
      for (let x = cell * 16; x < cell * 16 + 16; x++) damaged[y * width + x] = 251 - damaged[y * width + x]!;
    expect(readFrameCode(damaged, width, width, height), `cell ${cell}`).toBeUndefined();
  }
});

test.each([
  { width: 640, height: 480, bitrate: 150_000 },
  { width: 320, height: 240, bitrate: 60_000 },
])('codes survive VP8 at $bitrate bit/s in a moving scene, $width pixels wide', async ({ width, height, bitrate }) => {
  const film = new Film({ scene: 'room', seed: 1, width, height, fps: 15 });
  const encoder = await GrayEncoder.create({ codec: 'VP8', width, height, bitrate, fps: 15 });
  const decoder = await LiveDecoder.create('VP8');
  let bytes = 0;
  const FRAMES = 40;
  for (let frame = 0; frame < FRAMES; frame++) {
    const luma = film.picture({ stream: 9, frame: 977 * frame }).subarray(0, width * height);
    const encoded = await encoder.encode(luma, width, height, frame * 6000);
    bytes += encoded.data.length;
    const picture = await decoder.decode(encoded);
    const [decoded] = await planesOf(picture!);
    expect(readFrameCode(decoded!, width, width, height)).toEqual({ stream: 9, frame: (977 * frame) % 65536 });
    picture!.close();
  }
  // The encoder did hold back: these are pictures as a bad connection gives them.
  expect((8 * bytes * 15) / FRAMES).toBeLessThan(4 * bitrate);
  encoder.close();
  decoder.close();
});
