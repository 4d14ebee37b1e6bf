import { describe, expect, it } from 'vitest';
import { AlignedResizer } from '../model/resize.ts';
import { ShadeEnlarger } from './shade-enlarger.ts';

describe('ShadeEnlarger', () => {
  it.each([
    [256, 160, 960, 540],
    [256, 192, 640, 480],
    [160, 96, 161, 540],
    [42, 28, 64, 48],
    [256, 160, 256, 160],
    [28, 28, 199, 301],
  ])('takes %ix%i to %ix%i, corners on corners', async (width, height, w, h) => {
    const [from, to] = [
      { width, height },
      { width: w, height: h },
    ];
    // Ramps: half a pixel too far would be off by half of their slope.
    const ramp = (x: number, y: number) => Math.round((200 * x) / (width - 1) + (50 * y) / (height - 1));
    const shades = new Uint8ClampedArray(width * height).map((_, i) => ramp(i % width, Math.floor(i / width)));
    const expected = new Uint8ClampedArray(w * h);
    new AlignedResizer(from, to).resize(Float32Array.from(shades), expected);
    const enlarger = new ShadeEnlarger(from, to);
    const { data, offset, stride } = await enlarger.enlarge(shades, undefined);
    const again = await enlarger.enlarge(shades, data);
    expect(again.data).toBe(data);
    enlarger.close();
    const slope = 200 / (w - 1) + 50 / (h - 1);
    let worst = 0;
    for (let i = 0; i < w * h; i++) {
      const got = data[offset + Math.floor(i / w) * stride + (i % w)]!;
      worst = Math.max(worst, Math.abs(got - expected[i]!));
    }
    expect(worst).toBeLessThanOrEqual(2 + slope / 3);
  });
});
