import { fractal, hash2, Random } from './noise.ts';
import { Canvas, type Colour, hex, mixColour, scaleColour, smooth, type Texture } from './texture.ts';

/** Bays and storeys of a facade texture, and the metres that one of each takes. */
export const FACADE = { bays: 4, storeys: 4, bay: 2.6, storey: 3.2 } as const;

/** Four bays by four storeys of windows in a wall of plaster or brick. */
export function facade(seed: number, wall: Colour, brick: boolean): Texture {
  const random = new Random(seed);
  const wide = random.between(0.4, 0.56);
  const tall = random.between(0.5, 0.66);
  const frame = hex(random.pick(['#efece4', '#3b4148', '#6a5240', '#d9d4c6']));
  const trim = mixColour(wall, [0.95, 0.93, 0.88], random.between(0.3, 0.8));
  const canvas = new Canvas(256).each((u, v) => {
    const stain = 0.86 + 0.26 * fractal(u, v, [4, 8], 4, seed);
    if (!brick) return scaleColour(wall, stain);
    const row = Math.floor(v * 96);
    const x = u * 40 + (row % 2) / 2;
    const joint = Math.min(x % 1, (v * 96) % 1) < 0.16;
    return scaleColour(
      joint ? mixColour(wall, [0.8, 0.77, 0.72], 0.5) : wall,
      stain * (0.85 + 0.3 * hash2(Math.floor(x) % 40, row, seed)),
    );
  });
  const { bays, storeys } = FACADE;
  for (let row = 0; row < storeys; row++) {
    canvas.over([0, (row + 0.985) / storeys, 1, (row + 1) / storeys], scaleColour(trim, 0.9));
    for (let column = 0; column < bays; column++) {
      const x = (column + 0.5) / bays;
      const y = (row + 0.46) / storeys;
      const box = (k: number, low = 0): [number, number, number, number] => [
        x - (wide / 2 + k) / bays,
        y - (tall / 2 + k) / storeys,
        x + (wide / 2 + k) / bays,
        y + (tall / 2 + k + low) / storeys,
      ];
      canvas.over(box(0.06, 0.05), trim);
      canvas.over(box(0), scaleColour(frame, 0.9));
      canvas.over(box(-0.035), pane(random));
      const blind = random.next();
      if (blind < 0.35)
        canvas.over(
          [box(-0.035)[0], box(-0.035)[1], box(-0.035)[2], y - (tall * (0.5 - blind)) / storeys],
          [0.78, 0.75, 0.7],
          () => 0.85,
        );
      canvas.over(box(-0.035), [0.72, 0.8, 0.88], (px, py) => (Math.abs(px - py * 0.6 + 0.3) < 0.28 ? 0.28 : 0));
      canvas.over([x - 0.012 / bays, y - tall / 2 / storeys, x + 0.012 / bays, y + tall / 2 / storeys], frame);
      // The shadow of the lintel.
      canvas.over(
        [x - wide / 2 / bays, y - tall / 2 / storeys, x + wide / 2 / bays, y - (tall / 2 - 0.05) / storeys],
        [0.05, 0.05, 0.06],
        () => 0.55,
      );
    }
  }
  return canvas.toTexture();
}

function pane(random: Random): Colour {
  return scaleColour([0.2, 0.25, 0.3], random.between(0.6, 1.5));
}

/** The ground floor of a shop: sign, window, door. */
export function shopfront(seed: number, wall: Colour): Texture {
  const random = new Random(seed);
  const paint = hex(random.pick(['#2d4a3e', '#6b2f2b', '#27364d', '#8a6a35', '#3a3a3c', '#5d3b57']));
  const canvas = new Canvas(256).each((u, v) => scaleColour(wall, 0.8 + 0.25 * fractal(u, v, [8, 8], 3, seed)));
  canvas.over([0.04, 0.08, 0.96, 0.97], paint);
  canvas.over([0.04, 0.08, 0.96, 0.26], scaleColour(paint, 1.25));
  const ink: Colour = [0.93, 0.88, 0.74];
  for (let x = 0.25; x < 0.75; x += 0.045) {
    const tall = random.between(0.03, 0.05);
    if (random.next() < 0.85)
      canvas.over([x, 0.17 - tall, x + 0.03, 0.17 + tall], ink, (px, py) =>
        Math.abs(px) > 0.4 || Math.abs(py) > 0.6 ? 0.9 : 0,
      );
  }
  for (const [left, right, bottom] of [
    [0.08, 0.62, 0.82],
    [0.68, 0.92, 0.96],
  ] as const) {
    canvas.over([left, 0.31, right, bottom], [0.1, 0.12, 0.14]);
    for (let k = 0; k < 9; k++) {
      const x = random.between(left, right - 0.08);
      const y = random.between(0.5, bottom - 0.12);
      canvas.over(
        [x, y, x + 0.07, bottom - 0.03],
        hex(random.pick(['#b98a4a', '#8d5a48', '#7f8c84', '#c9bda0', '#4f6a7c'])),
        () => 0.65,
      );
    }
    canvas.over([left, 0.31, right, bottom], [0.75, 0.82, 0.9], (px, py) =>
      Math.abs(px - py * 0.5 + 0.2) < 0.22 ? 0.22 : 0.05,
    );
  }
  canvas.over([0.87, 0.6, 0.885, 0.72], [0.8, 0.75, 0.6]);
  return canvas.toTexture();
}

/** A carriageway seen from above, one repeat across it: gutters, edge lines, a dashed middle line; v runs along. */
export function carriageway(seed: number, lane: readonly [number, number]): Texture {
  const line = (u: number, at: number, wide: number) => smooth(wide, wide * 0.6, Math.abs(u - at));
  return new Canvas(256)
    .each((u, v) => {
      const grain = fractal(u, v, [128, 128], 2, seed);
      const worn = fractal(u, v, [6, 3], 4, seed + 3);
      const tracks = 0.05 * Math.cos((u - lane[0]) * 2 * Math.PI * 5.5);
      let k = 0.3 + 0.12 * (grain - 0.5) + 0.1 * (worn - 0.5) - tracks * 0.4;
      // A crack and a patch of newer asphalt.
      if (Math.abs(u - 0.62 - 0.05 * fractal(0.5, v, [4, 12], 3, seed)) < 0.004) k *= 0.7;
      if (u > 0.3 && u < 0.42 && v > 0.2 && v < 0.55) k *= 0.82;
      const dashes = v % 0.5 < 0.25 ? line(u, 0.5, 0.008) : 0;
      const paint = Math.max(dashes, line(u, lane[0], 0.006), line(u, lane[1], 0.006)) * (0.6 + 0.5 * grain);
      return mixColour([k, k * 0.99, k * 0.98], [0.8, 0.8, 0.77], Math.min(1, paint));
    })
    .toTexture();
}

/** Clouds in a blue sky. */
export function clouds(seed: number): Texture {
  return new Canvas(256)
    .each((u, v) => {
      const cover = smooth(0.46, 0.72, fractal(u, v, [4, 4], 6, seed, 0.55));
      const shade = 0.88 + 0.12 * fractal(u, v, [8, 8], 4, seed + 9);
      return mixColour([0.36, 0.58, 0.88], [shade, shade, shade], cover);
    })
    .toTexture();
}
