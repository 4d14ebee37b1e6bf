import { fractal, hash2, Random } from './noise.ts';
import { Canvas, type Colour, clamp01, hex, mixColour, scaleColour, smooth, type Texture } from './texture.ts';

// Textures that show one thing and are laid once over a face.

/** A row of book spines, standing. */
export function books(seed: number): Texture {
  const random = new Random(seed);
  const palette = [
    '#7a2f2a',
    '#2f4a63',
    '#c9b48a',
    '#3d5a40',
    '#8c6a3f',
    '#d8d2c4',
    '#49364f',
    '#a8502e',
    '#25313b',
    '#6b7f86',
  ];
  const canvas = new Canvas(256, [0.07, 0.06, 0.05]);
  let x = 0.005;
  while (x < 0.98) {
    const wide = Math.min(random.between(0.025, 0.075), 0.99 - x);
    const top = random.between(0.03, 0.3);
    const colour = scaleColour(hex(random.pick(palette)), random.between(0.8, 1.1));
    const band = random.between(0.2, 0.35);
    const light = mixColour(colour, [0.95, 0.9, 0.7], 0.7);
    canvas.over([x, top, x + wide, 1], [0.05, 0.04, 0.04]);
    // A rounded spine: bright in the middle.
    canvas.over([x, top, x + wide, 1], colour, (px) => 1 - 0.55 * px * px);
    canvas.over([x, top + band * 0.5, x + wide, top + band * 0.5 + 0.02], light, () => 0.8);
    if (random.next() < 0.7)
      canvas.over([x + wide * 0.3, top + band, x + wide * 0.7, 0.8], light, (_, py) =>
        hash2(Math.round(py * 14), 0, seed + Math.round(x * 900)) > 0.4 ? 0.75 : 0,
      );
    x += wide + (random.next() < 0.06 ? random.between(0.03, 0.08) : 0.002);
  }
  return canvas.toTexture();
}

/** A landscape painting in a mount. */
export function painting(seed: number): Texture {
  const random = new Random(seed);
  const horizon = random.between(0.45, 0.65);
  const sky = hex(random.pick(['#a9c3d4', '#e2c9a6', '#c6d0cf', '#d7b4a0']));
  const land = hex(random.pick(['#51683f', '#7d6a44', '#3f5b63', '#6a4a3a']));
  return new Canvas(256)
    .each((u, v) => {
      if (Math.min(u, v, 1 - u, 1 - v) < 0.09) return [0.93, 0.91, 0.86];
      const hill = horizon - 0.16 * fractal(u, 0.3, [4, 4], 3, seed);
      const near = horizon + 0.12 - 0.1 * fractal(u, 0.7, [4, 4], 3, seed + 5);
      const stroke = 0.85 + 0.3 * fractal(u, v, [16, 48], 3, seed + 8);
      if (v < hill) return scaleColour(mixColour(sky, [1, 0.97, 0.9], 0.6 * (v / hill)), stroke);
      if (v < near) return scaleColour(mixColour(land, sky, 0.5), stroke);
      return scaleColour(land, stroke * (0.8 + 0.4 * fractal(u, v, [8, 8], 4, seed)));
    })
    .toTexture();
}

/** What a window looks out on: sky, trees, lawn. */
export function view(seed: number): Texture {
  return new Canvas(256)
    .each((u, v) => {
      const crown = 0.52 - 0.22 * fractal(u, 0.2, [6, 6], 4, seed);
      if (v < crown) {
        const cloud = smooth(0.5, 0.75, fractal(u, v, [3, 5], 4, seed + 2));
        return mixColour(mixColour([0.55, 0.72, 0.92], [0.86, 0.92, 0.97], v / crown), [1, 1, 1], cloud);
      }
      if (v < 0.68) {
        const leaf = fractal(u, v, [24, 24], 4, seed + 4, 0.7);
        return scaleColour([0.42, 0.52, 0.26], 0.5 + 1.1 * leaf * (1 - (v - crown)));
      }
      return scaleColour([0.5, 0.62, 0.32], 0.8 + 0.3 * fractal(u, v, [16, 48], 3, seed + 6));
    })
    .toTexture();
}

/** A clear face seen from the front, for the front of a head: +v is down. Bright skin, to be tinted. */
export function face(seed: number): Texture {
  const random = new Random(seed);
  const skin: Colour = [1, 0.8, 0.68];
  const shade: Colour = [0.78, 0.52, 0.42];
  const canvas = new Canvas(256).each((u, v) => {
    const k = 0.95 + 0.08 * fractal(u, v, [16, 16], 4, seed);
    return mixColour(scaleColour(skin, k), shade, 0.18 * smooth(0.25, 0.5, Math.hypot(u - 0.5, (v - 0.5) * 0.8)));
  });
  const iris = hex(random.pick(['#4a3626', '#5a7081', '#5b6b45']));
  const brow = hex(random.pick(['#3a2a1e', '#6b4a2c', '#241c18']));
  for (const side of [-1, 1]) {
    const x = 0.5 + side * 0.155;
    const y = 0.475;
    canvas.ellipse([x - 0.11, y - 0.075, x + 0.11, y + 0.075], shade, 0.9);
    canvas.ellipse([x - 0.062, y - 0.03, x + 0.062, y + 0.032], [0.93, 0.92, 0.9], 0.15);
    canvas.ellipse([x - 0.03, y - 0.03, x + 0.03, y + 0.03], iris, 0.15);
    canvas.ellipse([x - 0.014, y - 0.014, x + 0.014, y + 0.014], [0.04, 0.04, 0.04], 0.2);
    canvas.ellipse([x + 0.004, y - 0.016, x + 0.014, y - 0.006], [1, 1, 1], 0.4);
    canvas.over([x - 0.066, y - 0.04, x + 0.066, y - 0.018], [0.3, 0.18, 0.14], (px, py) =>
      py > px * px * 1.6 - 0.9 && py < px * px * 1.6 - 0.1 ? 0.7 : 0,
    );
    canvas.over([x - 0.085, y - 0.105, x + 0.085, y - 0.05], brow, (px, py) =>
      smooth(0.75, 0.25, Math.abs(py - px * px * 0.7 + 0.1) + 0.25 * Math.abs(px)),
    );
    canvas.ellipse([0.5 + side * 0.03 - 0.018, 0.615, 0.5 + side * 0.03 + 0.018, 0.64], [0.4, 0.22, 0.17], 0.7);
    canvas.ellipse([0.5 + side * 0.24 - 0.1, 0.55, 0.5 + side * 0.24 + 0.1, 0.72], [1, 0.66, 0.55], 1);
  }
  canvas.ellipse([0.44, 0.56, 0.56, 0.66], [0.92, 0.68, 0.56], 0.9);
  canvas.over([0.385, 0.7, 0.615, 0.765], [0.72, 0.36, 0.33], (px, py) =>
    smooth(1, 0.7, Math.hypot(px, py * (py < 0 ? 1.6 : 1.1) + (py < 0 ? 0.25 * Math.cos(px * 6) : 0))),
  );
  canvas.over([0.4, 0.725, 0.6, 0.735], [0.35, 0.14, 0.13], (px, py) => smooth(1, 0.3, Math.abs(py)) * (1 - px * px));
  canvas.ellipse([0.42, 0.775, 0.58, 0.815], shade, 0.9);
  return canvas.toTexture();
}

/** A lit screen with a few windows of text. */
export function screen(seed: number): Texture {
  const random = new Random(seed);
  const canvas = new Canvas(256).each((u, v) =>
    mixColour([0.12, 0.2, 0.36], [0.28, 0.42, 0.6], clamp01(0.5 * u + 0.5 * v)),
  );
  for (let i = 0; i < 2; i++) {
    const [x, y] = [0.06 + 0.38 * i, 0.1 + 0.12 * i];
    canvas.over([x, y, x + 0.5, y + 0.62], [0.9, 0.91, 0.93]);
    canvas.over([x, y, x + 0.5, y + 0.06], [0.35, 0.38, 0.43]);
    for (let line = 0; line < 9; line++) {
      const wide = random.between(0.1, 0.44);
      canvas.over([x + 0.03, y + 0.1 + line * 0.055, x + 0.03 + wide, y + 0.12 + line * 0.055], [0.3, 0.33, 0.42]);
    }
  }
  return canvas.toTexture();
}

/** The label of a box or tin: bands, a mark, lines of print. */
export function label(seed: number): Texture {
  const random = new Random(seed);
  const base = hex(random.pick(['#c8402f', '#e0b13c', '#2f6fa8', '#3f8a54', '#e7e1d2', '#7b3f7d']));
  const ink = hex(random.pick(['#f5efe0', '#1f2630', '#f2d24b', '#ffffff']));
  const canvas = new Canvas(256).each((u, v) => scaleColour(base, 0.92 + 0.12 * fractal(u, v, [8, 8], 3, seed)));
  canvas.over([0, 0, 1, 0.08], ink, () => 0.9).over([0, 0.9, 1, 1], ink, () => 0.9);
  canvas.ellipse([0.25, 0.16, 0.75, 0.5], ink, 0.04).ellipse([0.3, 0.2, 0.7, 0.46], scaleColour(base, 0.7), 0.04);
  for (let line = 0; line < 5; line++) {
    const y = 0.56 + line * 0.06;
    canvas.over([0.12, y, 0.12 + random.between(0.4, 0.76), y + 0.025], ink, (px) =>
      hash2(Math.round(px * 30), line, seed) > 0.25 ? 0.9 : 0,
    );
  }
  return canvas.toTexture();
}
