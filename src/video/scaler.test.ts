import * as av from 'node-av';
import { expect, test } from 'vitest';
import { seeded } from '../../test/depth-map.ts';
import { pictureOf, type Yuv } from '../../test/pictures.ts';
import { InputScaler, Picture } from './index.ts';

async function scaled(yuv: Yuv, width: number, height: number): Promise<Float32Array[]> {
  const scaler = new InputScaler();
  const picture = pictureOf(yuv);
  const target = new Float32Array(3 * width * height);
  await scaler.scaleInto(picture, target, width, height);
  picture.close();
  scaler.close();
  return [0, 1, 2].map((c) => target.subarray(c * width * height, (c + 1) * width * height));
}

/** Largest distance of any value from `expected`. */
const worst = (values: Float32Array, expected: number): number =>
  values.reduce((max, value) => Math.max(max, Math.abs(value - expected)), 0);

/** ITU-R BT.601 and BT.709: R'G'B' in [0, 1] from 8-bit Y'CbCr. */
function rgb([y, u, v]: [number, number, number], kr: number, kb: number, full: boolean): number[] {
  const luma = full ? y / 255 : (y - 16) / 219;
  const cb = (u - 128) / (full ? 255 : 224);
  const cr = (v - 128) / (full ? 255 : 224);
  const r = luma + 2 * (1 - kr) * cr;
  const b = luma + 2 * (1 - kb) * cb;
  const g = (luma - kr * r - kb * b) / (1 - kr - kb);
  return [r, g, b].map((value) => Math.min(1, Math.max(0, value)));
}

const BT601 = [0.299, 0.114] as const;
const BT709 = [0.2126, 0.0722] as const;

test.each([
  ['nothing said', undefined, undefined, BT601, false],
  ['BT.601 limited', av.AVCOL_SPC_SMPTE170M, av.AVCOL_RANGE_MPEG, BT601, false],
  ['BT.601 full', av.AVCOL_SPC_BT470BG, av.AVCOL_RANGE_JPEG, BT601, true],
  ['BT.709 limited', av.AVCOL_SPC_BT709, av.AVCOL_RANGE_MPEG, BT709, false],
  ['BT.709 full', av.AVCOL_SPC_BT709, av.AVCOL_RANGE_JPEG, BT709, true],
] as const)('colours come out right: %s', async (_, colorSpace, colorRange, [kr, kb], full) => {
  const colours: [number, number, number][] = [
    [16, 128, 128],
    [235, 128, 128],
    [126, 128, 128],
    [81, 90, 240], // red in BT.601
    [145, 54, 34], // green
    [41, 240, 110], // blue
    [210, 16, 146],
    [100, 170, 90],
    [60, 100, 160],
    [180, 140, 120],
  ];
  for (const colour of colours) {
    const planes = await scaled(
      {
        width: 64,
        height: 48,
        at: () => colour,
        ...(colorSpace !== undefined && { colorSpace }),
        ...(colorRange !== undefined && { colorRange }),
      },
      20,
      14,
    );
    const expected = rgb(colour, kr, kb, full);
    planes.forEach((plane, channel) => {
      expect(worst(plane, expected[channel]!)).toBeLessThan(0.006);
    });
  }
});

/** Separable bicubic (Keys, a = -0.6), the kernel widened by the ratio when shrinking, edges repeated. */
function bicubic(source: Float32Array, from: number, to: number): Float32Array {
  const ratio = Math.max(1, from / to);
  const kernel = (d: number) => {
    const x = Math.abs(d);
    if (x < 1) return 1.4 * x * x * x - 2.4 * x * x + 1;
    return x < 2 ? -0.6 * (x * x * x - 5 * x * x + 8 * x - 4) : 0;
  };
  const count = source.length / from;
  const result = new Float32Array(count * to);
  for (let o = 0; o < to; o++) {
    const centre = ((o + 0.5) * from) / to - 0.5;
    const reach = Math.ceil(2 * ratio);
    let total = 0;
    for (let i = Math.floor(centre) - reach; i <= Math.ceil(centre) + reach; i++) {
      const weight = kernel((i - centre) / ratio);
      total += weight;
      const at = Math.min(from - 1, Math.max(0, i));
      for (let line = 0; line < count; line++) result[line * to + o]! += weight * source[line * from + at]!;
    }
    for (let line = 0; line < count; line++) result[line * to + o]! /= total;
  }
  return result;
}

function transposed(values: Float32Array, width: number): Float32Array {
  const height = values.length / width;
  return values.map((_, i) => values[(i % height) * width + Math.floor(i / height)]!);
}

test.each([
  [192, 144, 84, 56],
  [192, 144, 252, 196],
  [320, 180, 140, 84],
])('%ix%i to %ix%i follows a float bicubic, pixel by pixel', async (fromWidth, fromHeight, width, height) => {
  const random = seeded(11);
  const texture = Float32Array.from({ length: fromWidth * fromHeight }, (_, i) => {
    const x = i % fromWidth;
    const y = Math.floor(i / fromWidth);
    return Math.round(120 + 60 * Math.sin(x / 5) * Math.cos(y / 7) + 40 * (random() - 0.5));
  });
  const planes = await scaled(
    { width: fromWidth, height: fromHeight, at: (x, y) => [texture[y * fromWidth + x]!, 128, 128] },
    width,
    height,
  );
  const lines = bicubic(texture, fromWidth, width);
  const reference = transposed(bicubic(transposed(lines, width), fromHeight, height), height);
  for (const plane of planes) {
    const errors = plane.map((value, i) => value - (reference[i]! - 16) / 219);
    expect(worst(errors, 0)).toBeLessThan(0.015);
    expect(errors.reduce((sum, error) => sum + Math.abs(error), 0) / errors.length).toBeLessThan(0.004);
  }
});

test('what is too fine for the target averages out instead of aliasing', async () => {
  const planes = await scaled({ width: 640, height: 480, at: (x) => [x % 2 ? 235 : 16, 128, 128] }, 126, 98);
  // Only the first and last columns, where edges repeat, stray by 0.07; without a widened kernel values reach 0 and 1.
  for (const plane of planes) expect(worst(plane, 0.5)).toBeLessThan(0.1);
});

test('sizes may change from call to call, calls may not overlap, and a picture closed under way stays until the end', async () => {
  const scaler = new InputScaler();
  const before = Picture.open;
  for (const [width, height, toWidth, toHeight] of [
    [64, 48, 28, 14],
    [320, 240, 28, 14],
    [320, 240, 70, 56],
    [33, 17, 14, 14],
    [64, 48, 640, 480],
  ] as const) {
    const picture = pictureOf({ width, height, at: () => [126, 128, 128] });
    const target = new Float32Array(3 * toWidth * toHeight);
    const running = scaler.scaleInto(picture, target, toWidth, toHeight);
    await expect(scaler.scaleInto(picture, target, toWidth, toHeight)).rejects.toThrow('overlap');
    picture.close();
    picture.close();
    await running;
    expect(worst(target, 110 / 219)).toBeLessThan(0.006);
    await expect(scaler.scaleInto(picture, target, toWidth, toHeight)).rejects.toThrow('closed');
  }
  const picture = pictureOf({ width: 16, height: 16, at: () => [126, 128, 128] });
  await expect(scaler.scaleInto(picture, new Float32Array(5), 2, 2)).rejects.toMatchObject({ code: 'INTERNAL' });
  const last = scaler.scaleInto(picture, new Float32Array(3 * 4), 2, 2);
  scaler.close();
  scaler.close();
  await last;
  picture.close();
  await expect(scaler.scaleInto(picture, new Float32Array(3 * 4), 2, 2)).rejects.toThrow('close');
  expect(Picture.open).toBe(before);
});
