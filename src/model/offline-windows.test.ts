import { describe, expect, test } from 'vitest';
import { OfflineStitcher, offlineWindows } from './offline-windows.ts';

describe('windows', () => {
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

  test('start with keyframes of the past and repeat the last frame', () => {
    expect([...offlineWindows(60)]).toEqual([
      range(0, 32),
      [0, 12, ...range(24, 54)],
      [0, 34, ...range(46, 60), ...Array(16).fill(59)],
    ]);
    expect([...offlineWindows(1)]).toEqual([Array(32).fill(0)]);
    expect([...offlineWindows(0)]).toEqual([]);
  });

  test.each([1, 5, 22, 23, 31, 32, 33, 44, 45, 100])(
    'of %i frames are joined into at least as many, each once',
    (frames) => {
      const stitcher = new OfflineStitcher(1, { metric: true });
      const out: number[] = [];
      // Frame f has depth f: whatever is blended must be the same frame on both sides.
      for (const window of offlineWindows(frames))
        out.push(...stitcher.push(Float32Array.from(window)).map((m) => m[0]!));
      out.push(...stitcher.finish().map((map) => map[0]!));
      expect(out.length).toBeGreaterThanOrEqual(frames);
      out.slice(0, frames).forEach((value, frame) => {
        expect(value).toBeCloseTo(frame, 4);
      });
    },
  );
});

describe('joining', () => {
  const SIZE = 6;
  const truth = (frame: number) => Float32Array.from({ length: SIZE }, (_, i) => 1 + frame / 10 + i ** 2 / 7);
  const stitch = (metric: boolean, change: (value: number, window: number) => number) => {
    const stitcher = new OfflineStitcher(SIZE, { metric });
    const out: Float32Array[] = [];
    let index = 0;
    for (const window of offlineWindows(80)) {
      const depths = window.flatMap((frame) => Array.from(truth(frame), (value) => change(value, index)));
      out.push(...stitcher.push(Float32Array.from(depths)).map((map) => map.slice()));
      index++;
    }
    return [...out, ...stitcher.finish()];
  };

  test('undoes a scale and shift that differ from window to window', () => {
    const out = stitch(false, (value, window) => value / (1 + window) - window);
    for (let frame = 0; frame < 80; frame++)
      out[frame]!.forEach((value, i) => {
        expect(value).toBeCloseTo(truth(frame)[i]!, 3);
      });
  });

  test('keeps metres as they are', () => {
    const out = stitch(true, (value, window) => value + window);
    expect(out[23]).toEqual(truth(23));
    expect(out[40]![0]).toBeCloseTo(truth(40)[0]! + 1, 5);
    // The blend: from all past at frame 24 to all new at frame 31.
    expect(out[24]![0]).toBeCloseTo(truth(24)[0]!, 5);
    expect(out[31]![0]).toBeCloseTo(truth(31)[0]! + 1, 5);
    expect(out[27]![0]).toBeCloseTo(truth(27)[0]! + 3 / 7, 5);
  });

  test('a flat window changes nothing and stays finite', () => {
    const stitcher = new OfflineStitcher(2, { metric: false });
    stitcher.push(new Float32Array(64));
    expect(stitcher.push(new Float32Array(64).fill(2)).every((map) => map.every(Number.isFinite))).toBe(true);
  });

  test('refuses a window of the wrong length', () => {
    expect(() => new OfflineStitcher(2, { metric: false }).push(new Float32Array(63))).toThrow(/63 values/);
  });
});
