import { deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { depthMap, seeded } from '../../test/depth-map.ts';
import { DepthPacker, decodeFrame } from '../protocol/index.ts';
import { toPlanes } from '../protocol/planes.ts';
import { quantise16 } from '../protocol/quantise.ts';
import { linearLuma, toLuma } from '../stream/live-depth.ts';
import { packMap, shadeMap } from './map-packer.ts';

/** What the usual steps make of a map. */
function usual(values: Float32Array, width: number, height: number, steps: number) {
  const codes = new Uint16Array(values.length);
  const planes = new Uint8Array(2 * values.length);
  const affine = quantise16(values, codes, steps);
  toPlanes(codes, width, height, 2, planes);
  return { affine, planes };
}

it('makes the same codes as the usual steps, of any map of any size, in a stream that zlib reads', () => {
  const kinds = fc.constantFrom('smooth', 'noise', 'flat', 'sparse', 'steps');
  const map = (kind: string, width: number, height: number, seed: number): Float32Array => {
    const random = seeded(seed);
    if (kind === 'smooth') return depthMap(width, height, 1e-3);
    return Float32Array.from({ length: width * height }, (_, i) => {
      if (kind === 'noise') return random() * 10 ** (8 * random() - 4) - 3;
      if (kind === 'flat') return 0.5;
      if (kind === 'sparse') return random() < 0.001 ? random() : 0;
      return Math.floor(i / 700) % 3;
    });
  };
  let made = 0;
  fc.assert(
    fc.property(
      kinds,
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 300 }),
      fc.integer(),
      fc.constantFrom(65_534, 4095, 1),
      (kind, width, height, seed, steps) => {
        const values = map(kind, width, height, seed);
        const packed = packMap(values, width, height, steps);
        if (packed === undefined) return;
        made++;
        const { affine, planes } = usual(values, width, height, steps);
        expect(packed.affine).toEqual(affine);
        expect(Buffer.compare(inflateRawSync(packed.deflated), planes)).toBe(0);
        // Of what packs at all, zlib makes no less: a few codes' lengths are chosen otherwise.
        if (planes.length > 10_000)
          expect(packed.deflated.length).toBeLessThan(
            1.02 * deflateRawSync(planes, { level: 1, strategy: 3 }).length + 64,
          );
      },
    ),
    { numRuns: 150 },
  );
  expect(made).toBeGreaterThan(75);
});

it('codes longer than fifteen bits are shortened, and every run of a byte is told', () => {
  // Differences as frequent as Fibonacci's numbers make the deepest tree that there is.
  const counts = [1, 1];
  while (counts.length < 21) counts.unshift(counts[0]! + counts[1]!);
  const random = seeded(5);
  const differences = counts.flatMap((count, n) =>
    Array.from({ length: count }, () => [random(), n % 2 === 0 ? -1 - n / 2 : (n + 1) / 2] as const),
  );
  differences.sort(([a], [b]) => a - b);
  // And rows of each length, of one value and then of another.
  const runs = Array.from({ length: 300 }, (_, n) => Array<number>(n + 1).fill((n % 2) * 9)).flat();
  let sum = 0;
  for (const list of [differences.map(([, difference]) => (sum += difference)), runs]) {
    const values = Float32Array.from(list);
    const steps = Math.max(...list) - Math.min(...list);
    const packed = packMap(values, list.length, 1, steps)!;
    expect(Buffer.compare(inflateRawSync(packed.deflated), usual(values, list.length, 1, steps).planes)).toBe(0);
  }
});

it('leaves to the usual steps what needs their care', async () => {
  const map = depthMap(64, 48);
  const deflate = async (bytes: Uint8Array) => deflateRawSync(bytes);
  const info = { frameId: 1, epoch: 0, rtpTimestamp: 0, width: 64, height: 48, sourceWidth: 64, sourceHeight: 48 };
  const frame = { ...info, unit: 'disparity', near: 1, far: 0 } as const;
  const quick = new DepthPacker(deflate, { steps: 4095, packMap });
  const slow = new DepthPacker(deflate, { steps: 4095 });
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 3e38, undefined]) {
    const values = map.slice();
    if (bad !== undefined) values[1000] = bad;
    if (bad === 3e38) values[1001] = -3e38;
    expect(packMap(values, 64, 48, 4095) === undefined).toBe(bad !== undefined && !Number.isFinite(bad));
    const [a, b] = [await decodeFrame(await quick.pack(frame, values, 'u16')), await slow.pack(frame, values, 'u16')];
    expect(a).toEqual(await decodeFrame(b));
  }
  // Noise does not pack, and what is too large waits in no thread.
  const random = seeded(7);
  expect(packMap(Float32Array.from({ length: 64 * 64 }, random), 64, 64, 65_534)).toBeUndefined();
  expect(packMap(new Float32Array(1024 * 1024), 1024, 1024, 4095)).toBeUndefined();
});

it('shades maps of any size as a clamped array does', () => {
  const random = seeded(3);
  for (const length of [1, 15, 16, 17, 49_152, 300_001]) {
    const values = Float32Array.from({ length }, () => 4 * random() - 1);
    // Halves, both ends, and what has no shade.
    for (let i = 0; i < Math.min(length, 600); i++) values[i] = (i / 2 - 20) / 219;
    values.set([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30, -1e30].slice(0, length));
    for (const range of [
      { near: 1, far: 0 },
      { near: 0.3, far: 1.7 },
    ]) {
      const [ours, usual] = [new Uint8ClampedArray(length + 1), new Uint8ClampedArray(length + 1)];
      const { scale, shift } = linearLuma(range, { near: 235, far: 16 });
      expect(shadeMap(values, scale, shift, ours.subarray(0, length))).toBe(true);
      toLuma(values, { ...range, unit: 'disparity' }, { near: 235, far: 16 }, usual);
      expect(Buffer.compare(Buffer.from(ours.buffer), Buffer.from(usual.buffer))).toBe(0);
    }
  }
  expect(shadeMap(new Float32Array(1 << 20), 1, 0, new Uint8ClampedArray(1 << 20))).toBe(false);
});
