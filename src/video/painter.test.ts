import { describe, expect, it } from 'vitest';
import { writtenSize } from '../files/size.ts';
import { resizeAligned } from '../model/resize.ts';
import { colourAt } from '../protocol/colour-map.ts';
import { Painter } from './painter.ts';

function paint(values: Float32Array, width: number, height: number, matrix: 'bt601' | 'bt709', gray = false) {
  const [w, h] = [width + (width & 1), height + (height & 1)];
  const strides = [w + 3, w / 2 + 5, w / 2 + 5];
  const planes = [h, h / 2, h / 2].map((rows, i) => new Uint8Array(rows * strides[i]!));
  new Painter(width, height, gray ? 'gray' : 'inferno', matrix).paint(values, 4, 2, { planes, strides });
  const at = (x: number, y: number) => [
    planes[0]![y * strides[0]! + x]!,
    planes[1]![(y >> 1) * strides[1]! + (x >> 1)]!,
    planes[2]![(y >> 1) * strides[2]! + (x >> 1)]!,
  ];
  return at;
}

/** ITU-R BT.601 and BT.709, limited range: R'G'B' in [0, 1] from 8-bit Y'CbCr. */
function rgb([y, u, v]: number[], kr: number, kb: number): number[] {
  const [luma, cb, cr] = [(y! - 16) / 219, (u! - 128) / 224, (v! - 128) / 224];
  const [r, b] = [luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb];
  return [r, (luma - kr * r - kb * b) / (1 - kr - kb), b];
}

describe('Painter', () => {
  it.each([
    ['bt601', 0.299, 0.114],
    ['bt709', 0.2126, 0.0722],
  ] as const)('shows inferno in %s, near bright, and clamps beyond the range', (matrix, kr, kb) => {
    for (const value of [1, 2, 2.5, 3, 3.7, 4, 9]) {
      const at = paint(new Float32Array(16).fill(value), 4, 4, matrix);
      const expected = colourAt('inferno', Math.min(1, Math.max(0, (value - 2) / 2)));
      rgb(at(2, 1), kr, kb).forEach((c, i) => {
        expect(Math.abs(c - expected[i]!)).toBeLessThan(0.012);
      });
    }
  });

  it('repeats the last pixel where sides are odd, and averages chroma', () => {
    const values = Float32Array.from({ length: 15 }, (_, i) => 2 + (i % 5) / 4);
    const at = paint(values, 5, 3, 'bt601');
    expect(at(5, 3)[0]).toBe(at(4, 2)[0]);
    expect(at(5, 0)).toEqual(at(4, 0));
    const gray = paint(values, 5, 3, 'bt601', true);
    expect([0, 1, 2, 3, 4].map((x) => gray(x, 0)[0])).toEqual([16, 43, 71, 98, 126]);
    expect(gray(0, 0).slice(1)).toEqual([128, 128]);
  });
});

describe('resizeAligned', () => {
  it('lays corners on corners and is linear between, as align_corners=True', () => {
    const map = Float32Array.from({ length: 4 * 3 }, (_, i) => 10 * (i % 4) + Math.floor(i / 4));
    const out = resizeAligned(map, { width: 4, height: 3 }, { width: 7, height: 5 });
    out.forEach((value, i) => {
      expect(value).toBeCloseTo(10 * ((i % 7) / 2) + Math.floor(i / 7) / 2, 5);
    });
    expect([...resizeAligned(out, { width: 7, height: 5 }, { width: 7, height: 5 })]).toEqual([...out]);
    expect([...resizeAligned(map, { width: 4, height: 3 }, { width: 1, height: 1 })]).toEqual([0]);
  });
});

it.each([
  [960, 540, 1280, 960, 540],
  [1920, 1080, 1280, 1280, 720],
  [1080, 1920, 1280, 720, 1280],
  [1000, 333, 640, 640, 214],
  [321, 181, -1, 321, 181],
  [321, 181, 200, 200, 114],
])('%i x %i within %i is written as %i x %i', (width, height, maxRes, w, h) => {
  expect(writtenSize({ width, height }, maxRes)).toEqual({ width: w, height: h });
});
