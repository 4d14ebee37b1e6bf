import { expect, test } from 'vitest';
import { createScene } from './scene.ts';
import { y4mFile, y4mFrame, y4mFrameSize, y4mHeader } from './y4m.ts';

const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);

/** BT.601 limited range to RGB, from the standard's coefficients. */
function toRgb(y: number, cb: number, cr: number): [number, number, number] {
  const luma = (255 / 219) * (y - 16);
  const blue = (255 / 224) * (cb - 128);
  const red = (255 / 224) * (cr - 128);
  const [kr, kb] = [0.299, 0.114];
  return [
    luma + 2 * (1 - kr) * red,
    luma - ((2 * kb * (1 - kb)) / (1 - kr - kb)) * blue - ((2 * kr * (1 - kr)) / (1 - kr - kb)) * red,
    luma + 2 * (1 - kb) * blue,
  ];
}

test('the header names size, rate and format', () => {
  expect(text(y4mHeader(640, 480, 30))).toBe('YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg\n');
  expect(text(y4mHeader(320, 240, 29.97))).toContain('F29970:1000');
});

test('flat colours come back within two steps', () => {
  for (const colour of [
    [0, 0, 0],
    [255, 255, 255],
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [90, 160, 200],
    [17, 3, 250],
  ]) {
    const rgba = new Uint8ClampedArray(8 * 6 * 4);
    for (let i = 0; i < rgba.length; i += 4) rgba.set([...colour, 255], i);
    const out = y4mFrame(rgba, 8, 6, new Uint8Array(y4mFrameSize(8, 6)));
    const planes = out.subarray(6);
    const rgb = toRgb(planes[0]!, planes[48]!, planes[60]!);
    rgb.forEach((value, c) => {
      expect(Math.abs(value - colour[c]!), `${colour} channel ${c}`).toBeLessThanOrEqual(2);
    });
  }
});

test('a file is its header and whole frames, and shows the scene', () => {
  const scene = createScene('static', { width: 66, height: 49 });
  const pieces = [...y4mFile(scene, 2, 25)].map((piece) => piece.slice());
  const size = y4mFrameSize(66, 49);
  expect(size).toBe(6 + 66 * 49 + 2 * 33 * 25);
  expect(pieces.map((p) => p.length)).toEqual([pieces[0]!.length, size, size]);
  expect(text(pieces[1]!.subarray(0, 6))).toBe('FRAME\n');
  const { rgba } = scene.render(0);
  const planes = pieces[1]!.subarray(6);
  let error = 0;
  for (let y = 0; y < 49; y++)
    for (let x = 0; x < 66; x++) {
      const chroma = 66 * 49 + (y >> 1) * 33 + (x >> 1);
      const rgb = toRgb(planes[y * 66 + x]!, planes[chroma]!, planes[chroma + 33 * 25]!);
      const i = (y * 66 + x) * 4;
      // Chroma is shared by four pixels: compare brightness, which is not.
      const weight = [0.299, 0.587, 0.114];
      error += Math.abs(weight.reduce((sum, k, c) => sum + k * (rgb[c]! - rgba[i + c]!), 0));
    }
  expect(error / (66 * 49)).toBeLessThan(1);
});
