import { describe, expect, it } from 'vitest';
import { GuidedUpsampler, type MapMeaning } from './guided-upsampler.ts';

const FROM = { width: 64, height: 48 };
const TO = { width: 160, height: 120 };
const MEANING: MapMeaning = { unit: 'disparity', near: 1, far: 0 };
const QUALITIES = ['fast', 'best'] as const;

type At = (x: number, y: number) => number;

/** @param map at the middles of its pixels, 0 to 1 across and down. @param guide of the picture's pixels, by plane */
function upsampler(map: At, guide: (plane: number) => At, from = FROM, to = TO): GuidedUpsampler {
  const made = new GuidedUpsampler(from, to);
  for (let y = 0; y < from.height; y++)
    for (let x = 0; x < from.width; x++)
      made.map[y * from.width + x] = map((x + 0.5) / from.width, (y + 0.5) / from.height);
  for (const [n, plane] of made.guide.entries()) {
    const width = n === 0 ? to.width : (to.width + 1) >> 1;
    for (let i = 0; i < plane.length; i++) plane[i] = guide(n)(i % width, Math.floor(i / width));
  }
  return made;
}

const noise = (): At => {
  let seed = 7;
  return () => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return seed >>> 24;
  };
};

/** Plain interpolation, the pixels' centres at halves. */
function bilinear(made: GuidedUpsampler, from = FROM, to = TO): Float32Array {
  const out = new Float32Array(to.width * to.height);
  const place = (i: number, small: number, large: number) =>
    Math.min(small - 1, Math.max(0, ((i + 0.5) * small) / large - 0.5));
  for (let y = 0; y < to.height; y++)
    for (let x = 0; x < to.width; x++) {
      const [across, down] = [place(x, from.width, to.width), place(y, from.height, to.height)];
      const [left, top] = [Math.floor(across), Math.floor(down)];
      const at = (c: number, r: number) =>
        made.map[Math.min(r, from.height - 1) * from.width + Math.min(c, from.width - 1)]!;
      const row = (r: number) => at(left, r) + (at(left + 1, r) - at(left, r)) * (across - left);
      out[y * to.width + x] = row(top) + (row(top + 1) - row(top)) * (down - top);
    }
  return out;
}

const greatestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

/** A step of depth that the network has drawn over three of its pixels, beside the edge of colour. */
const blurred =
  (edge: number): At =>
  (x) =>
    Math.min(1, Math.max(0, 0.5 + ((x - edge) * FROM.width) / 3)) * 0.6 + 0.2;

describe.each(QUALITIES)('depth enlarged by its picture (%s)', (quality) => {
  it('stays as even as it is under any texture', () => {
    const random = noise();
    const flat = upsampler(
      () => 0.4,
      () => random,
    );
    expect(Math.max(...flat.values(quality, MEANING))).toBeCloseTo(0.4, 6);
    expect(Math.min(...flat.values(quality, MEANING))).toBeCloseTo(0.4, 6);
    // A wall that leads away: bilinear interpolation, to the last bits.
    const slanted = upsampler(
      (x, y) => 0.2 + 0.1 * x + 0.05 * y,
      () => random,
    );
    expect(greatestDifference(slanted.values(quality, MEANING), bilinear(slanted))).toBeLessThan(1e-6);
    if (quality !== 'best') return;
    // However steeply, also where the map ends.
    const steep = upsampler(
      (x, y) => 0.1 + 0.6 * x + 0.3 * y,
      () => random,
    );
    expect(greatestDifference(steep.values(quality, MEANING), bilinear(steep))).toBeLessThan(1e-6);
  });

  it('has its steps where colour has its edges, without halos', () => {
    // Colour changes at column 83 of 160, between two pixels of the map.
    const edge = 83;
    const guide =
      (plane: number): At =>
      (x) =>
        plane > 0 ? 128 : x < edge ? 60 : 180;
    const made = upsampler(blurred(edge / TO.width), guide);
    const plain = bilinear(made);
    const sharp = made.values(quality, MEANING).slice();
    const row = (values: Float32Array) => values.slice(60 * TO.width, 61 * TO.width);
    const jumps = (values: Float32Array) =>
      row(values)
        .slice(1)
        .map((value, i) => value - row(values)[i]!);
    const greatest = jumps(sharp).indexOf(Math.max(...jumps(sharp))) + 1;
    expect(greatest).toBe(edge);
    // The step in one pixel, where interpolation spreads it over seven.
    expect(Math.max(...jumps(sharp))).toBeGreaterThan(3 * Math.max(...jumps(plain)));
    expect(Math.max(...sharp)).toBeLessThanOrEqual(0.8 + 1e-6);
    expect(Math.min(...sharp)).toBeGreaterThanOrEqual(0.2 - 1e-6);
    expect(row(sharp)[edge - 8]).toBeCloseTo(0.2, 2);
    expect(row(sharp)[edge + 8]).toBeCloseTo(0.8, 2);
  });

  it('is interpolated alone where the picture shows nothing', () => {
    const made = upsampler(blurred(0.5), () => () => 90);
    const values = made.values(quality, MEANING);
    // `best` takes medians of what lies around before: these move a blurred step, within its range.
    if (quality === 'fast') expect(greatestDifference(values, bilinear(made))).toBeLessThan(1e-5);
    expect(Math.max(...values)).toBeLessThanOrEqual(0.8 + 1e-6);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0.2 - 1e-6);
  });

  it('never leaves the range of the map, whatever the picture', () => {
    const random = noise();
    const made = upsampler(
      () => random(0, 0) / 255,
      () => random,
    );
    const [least, most] = [Math.min(...made.map), Math.max(...made.map)];
    const values = made.values(quality, MEANING);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(least - 1e-5);
    expect(Math.max(...values)).toBeLessThanOrEqual(most + 1e-5);
  });

  it('takes what is no number for the farthest, and metres by their inverse', () => {
    const random = noise();
    const holes = upsampler(
      (x) => (x < 0.5 ? Number.NaN : 0.6),
      () => random,
    );
    const values = holes.values(quality, { unit: 'disparity', near: 1, far: 0.1 });
    expect(values.every(Number.isFinite)).toBe(true);
    expect(values[0]).toBeCloseTo(0.1, 5);
    const metric = upsampler(
      (x) => (x < 0.5 ? 5 : 2),
      () => (x) => (x < 80 ? 50 : 200),
    );
    const metres: MapMeaning = { unit: 'metres', near: 1, far: 10 };
    const enlarged = metric.values(quality, metres);
    expect(enlarged[0]).toBeCloseTo(5, 3);
    expect(enlarged[TO.width - 1]).toBeCloseTo(2, 3);
    // 235 at a metre, 16 at ten.
    const luma = metric.luma(quality, metres, { near: 235, far: 16 });
    expect(luma[0]).toBe(Math.round(16 + (219 * (1 / 5 - 0.1)) / 0.9));
    expect(luma[TO.width - 1]).toBe(Math.round(16 + (219 * (1 / 2 - 0.1)) / 0.9));
  });

  it.each([
    [
      { width: 17, height: 13 },
      { width: 41, height: 33 },
    ],
    [
      { width: 16, height: 16 },
      { width: 16, height: 16 },
    ],
    [
      { width: 33, height: 9 },
      { width: 35, height: 200 },
    ],
  ])('fits any sizes: %j to %j', (from, to) => {
    const random = noise();
    const made = upsampler(
      (x, y) => 0.1 + 0.02 * x * y,
      () => random,
      from,
      to,
    );
    expect(greatestDifference(made.values(quality, { ...MEANING, near: 9 }), bilinear(made, from, to))).toBeLessThan(
      1e-5,
    );
    expect(made.luma(quality, { ...MEANING, near: 9 }, { near: 235, far: 16 })).toHaveLength(to.width * to.height);
  });
});

it('allocates nothing after its first frame', () => {
  const made = upsampler(blurred(0.5), () => (x) => x & 255);
  const memory = made.map.buffer;
  const length = memory.byteLength;
  for (let n = 0; n < 20; n++)
    for (const quality of QUALITIES) {
      const values = made.values(quality, MEANING);
      expect(values.buffer).toBe(memory);
      expect(made.values(quality, MEANING)).toBe(values);
    }
  // Memory that grows takes the place of what was there.
  expect(memory.byteLength).toBe(length);
});

it('refuses sizes that it does not enlarge to', () => {
  const [small, large] = [
    { width: 64, height: 48 },
    { width: 8192, height: 48 },
  ];
  expect(GuidedUpsampler.fits(small, large)).toBe(false);
  expect(GuidedUpsampler.fits(small, { width: 63, height: 48 })).toBe(false);
  expect(() => new GuidedUpsampler(small, large)).toThrow(/INTERNAL|64x48/);
});
