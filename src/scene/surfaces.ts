import { fractal, hash2 } from './noise.ts';
import { Canvas, type Colour, clamp01, mix, mixColour, scaleColour, smooth, type Texture } from './texture.ts';

// Procedural surfaces, bright enough to be tinted. Each covers one seamless repeat.

/** Nearly even paint or plaster; `rough` is how much its brightness varies. */
export function plaster(seed: number, rough = 0.035): Texture {
  return new Canvas(128)
    .each((u, v) => {
      const grain = hash2(u * 128, v * 128, seed) - 0.5;
      const k = 1 - rough + rough * (2 * fractal(u, v, [8, 8], 4, seed) - 0.9) + grain * rough * 0.5;
      return [k, k, k];
    })
    .toTexture();
}

/** Wood with its grain along u. */
export function wood(seed: number, light: Colour, dark: Colour): Texture {
  return new Canvas(256).each((u, v) => woodGrain(u, v, seed, light, dark)).toTexture();
}

function woodGrain(u: number, v: number, seed: number, light: Colour, dark: Colour): Colour {
  const bend = fractal(u, v, [2, 4], 3, seed) * 0.6;
  const rings = 0.5 + 0.5 * Math.sin((v * 6 + bend * 3) * 2 * Math.PI);
  const fibre = fractal(u, v, [4, 64], 3, seed + 7);
  return mixColour(dark, light, clamp01(0.25 + 0.35 * rings + 0.55 * (fibre - 0.3)));
}

/** Floor boards along u, `rows` to a repeat. */
export function boards(seed: number, light: Colour, dark: Colour, rows = 8): Texture {
  return new Canvas(256)
    .each((u, v) => {
      const row = Math.floor(v * rows);
      const shift = hash2(row, 1, seed);
      const along = (u + shift) % 1;
      const plank = Math.floor(along * 2);
      const tone = 0.78 + 0.4 * hash2(row, plank + 5, seed);
      const edge = Math.min((v * rows) % 1, 1 - ((v * rows) % 1)) / rows;
      const butt = Math.min((along * 2) % 1, 1 - ((along * 2) % 1)) / 2;
      const gap = 0.45 + 0.55 * smooth(0, 0.006, Math.min(edge, butt));
      const grain = woodGrain((u + shift * 3) % 1, (v + shift * 0.37) % 1, seed + row * 13 + plank, light, dark);
      return scaleColour(grain, tone * gap);
    })
    .toTexture();
}

/** Bricks or slabs with joints: `across` by `down` to a repeat, every second row shifted when `bond`. */
export function blocks(
  seed: number,
  face: Colour,
  joint: Colour,
  across: number,
  down: number,
  options: { bond?: boolean; gap?: number; vary?: number } = {},
): Texture {
  const { bond = true, gap = 0.012, vary = 0.3 } = options;
  return new Canvas(256)
    .each((u, v) => {
      const row = Math.floor(v * down);
      const x = u * across + (bond && row % 2 ? 0.5 : 0);
      const column = Math.floor(x) % across;
      const dx = Math.min(x % 1, 1 - (x % 1)) / across;
      const dy = Math.min((v * down) % 1, 1 - ((v * down) % 1)) / down;
      const inside = smooth(gap * 0.5, gap, Math.min(dx, dy));
      const tone = 1 - vary / 2 + vary * hash2(column, row, seed);
      const grain = 0.85 + 0.3 * fractal(u, v, [16, 16], 4, seed);
      // The upper edge of a block catches light, the lower one lies in shadow.
      const bevel = inside < 1 ? ((v * down) % 1 < 0.5 ? 1.08 : 0.9) : 1;
      return scaleColour(mixColour(joint, scaleColour(face, tone), inside), grain * bevel);
    })
    .toTexture();
}

/** Woven cloth. */
export function cloth(seed: number, threads = 48): Texture {
  return new Canvas(128)
    .each((u, v) => {
      const over = (Math.floor(u * threads) + Math.floor(v * threads)) % 2;
      const thread = over ? Math.sin(v * threads * Math.PI) : Math.sin(u * threads * Math.PI);
      const k = 0.78 + 0.14 * Math.abs(thread) + 0.22 * (fractal(u, v, [4, 4], 4, seed) - 0.4);
      return [k, k, k];
    })
    .toTexture();
}

/** Vertical folds with light and shadow (curtains). */
export function folds(seed: number, count = 6): Texture {
  return new Canvas(128)
    .each((u, v) => {
      const wave = u * count + 0.25 * fractal(u, v, [count, 2], 2, seed);
      const k = 0.7 + 0.22 * Math.sin(wave * 2 * Math.PI) + 0.08 * hash2(u * 128, v * 128, seed);
      return [k, k, k];
    })
    .toTexture();
}

/** A rug with borders and diamonds; one repeat is the whole rug. */
export function rug(seed: number, field: Colour, band: Colour, accent: Colour): Texture {
  return new Canvas(256)
    .each((u, v) => {
      const edge = Math.min(u, v, 1 - u, 1 - v);
      const a = Math.abs(((u * 4) % 1) - 0.5) + Math.abs(((v * 4) % 1) - 0.5);
      const inner = a < 0.18 ? accent : a < 0.3 ? band : field;
      const base = edge < 0.03 ? field : edge < 0.07 ? accent : edge < 0.13 ? band : edge < 0.145 ? accent : inner;
      return scaleColour(
        base,
        0.75 + 0.35 * hash2(u * 256, v * 256, seed) * 0.6 + 0.15 * fractal(u, v, [8, 8], 3, seed),
      );
    })
    .toTexture();
}

/** Loose material (asphalt, soil, gravel): spots of brightness between `low` and 1. */
export function grit(seed: number, low = 0.55, cells = 16): Texture {
  return new Canvas(256)
    .each((u, v) => {
      const patches = fractal(u, v, [4, 4], 3, seed);
      const grains = fractal(u, v, [cells * 4, cells * 4], 2, seed + 3);
      const k = mix(low, 1, clamp01(0.35 * patches + 0.65 * grains + 0.15 * (hash2(u * 256, v * 256, seed) - 0.5)));
      return [k, k, k];
    })
    .toTexture();
}

/** Veined stone. */
export function marble(seed: number, base: Colour, vein: Colour): Texture {
  return new Canvas(256)
    .each((u, v) => {
      const cloud = fractal(u, v, [4, 4], 4, seed);
      const ridge = 1 - Math.abs(2 * fractal(u, v, [3, 3], 5, seed + 21) - 1);
      return scaleColour(mixColour(base, vein, smooth(0.86, 1, ridge) * 0.7), 0.82 + 0.3 * cloud);
    })
    .toTexture();
}

/** Rough bark or strands (hair) running down v. */
export function strands(seed: number, contrast = 0.6): Texture {
  return new Canvas(128)
    .each((u, v) => {
      const k = 1 - contrast + contrast * clamp01(1.5 * fractal(u, v, [32, 4], 4, seed, 0.65) - 0.2);
      return [k, k, k];
    })
    .toTexture();
}

/** A cluster of leaves with holes between them: alpha is cut. */
export function leaves(seed: number, count = 280, long = 1.6): Texture {
  const canvas = new Canvas(256, [0.2, 0.3, 0.1], 0);
  for (let i = 0; i < count; i++) {
    const angle = hash2(i, 1, seed) * 2 * Math.PI;
    const out = 0.42 * Math.sqrt(hash2(i, 2, seed));
    const x = 0.5 + out * Math.cos(angle);
    const y = 0.5 + out * Math.sin(angle);
    const r = 0.022 + 0.022 * hash2(i, 3, seed);
    const turn = hash2(i, 4, seed) * Math.PI;
    const [c, s] = [Math.cos(turn), Math.sin(turn)];
    // Upper leaves are lit, lower and inner ones lie in the shade of the others.
    const tone = (0.45 + 0.55 * (i / count)) * (1.15 - 0.4 * y) * (0.8 + 0.4 * hash2(i, 5, seed));
    const dry = hash2(i, 6, seed) * 0.12;
    const colour: Colour = [(0.66 + dry) * tone, 0.78 * tone, (0.5 - dry) * tone];
    canvas.over([x - r * 1.5, y - r * 1.5, x + r * 1.5, y + r * 1.5], colour, (px, py) => {
      const a = (px * c + py * s) / long;
      const b = -px * s + py * c;
      return a * a + b * b * 3 < 0.35 ? 1 : 0;
    });
  }
  return canvas.toTexture();
}
