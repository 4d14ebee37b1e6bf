/** A 32-bit mix of two lattice coordinates and a seed, as a number in [0, 1). */
export function hash2(x: number, y: number, seed: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(seed, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Smooth noise in [0, 1] on the unit lattice, repeating every `across` cells in x and `down` cells in y. */
export function noise2(x: number, y: number, across: number, down: number, seed: number): number {
  const xi = Math.floor(x);
  const yi = Math.floor(y);
  const fx = x - xi;
  const fy = y - yi;
  const sx = fx * fx * (3 - 2 * fx);
  const sy = fy * fy * (3 - 2 * fy);
  const x0 = ((xi % across) + across) % across;
  const y0 = ((yi % down) + down) % down;
  const x1 = (x0 + 1) % across;
  const y1 = (y0 + 1) % down;
  const top = hash2(x0, y0, seed) * (1 - sx) + hash2(x1, y0, seed) * sx;
  const bottom = hash2(x0, y1, seed) * (1 - sx) + hash2(x1, y1, seed) * sx;
  return top * (1 - sy) + bottom * sy;
}

/**
 * Fractal noise in [0, 1] over the unit square, seamless at its borders.
 * `cells` is the lattice size of the first octave (cells across, cells down).
 */
export function fractal(
  u: number,
  v: number,
  cells: readonly [number, number],
  octaves: number,
  seed: number,
  gain = 0.5,
): number {
  let sum = 0;
  let weight = 0;
  let amplitude = 1;
  let across = cells[0];
  let down = cells[1];
  for (let octave = 0; octave < octaves; octave++) {
    sum += amplitude * noise2(u * across, v * down, across, down, seed + octave * 101);
    weight += amplitude;
    amplitude *= gain;
    across *= 2;
    down *= 2;
  }
  return sum / weight;
}

/** A small seeded generator (mulberry32): the same seed gives the same scene everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed | 0, 0x9e3779b1) + 0x6d2b79f5) | 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let z = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  integer(count: number): number {
    return Math.floor(this.next() * count);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(list.length)]!;
  }
}
