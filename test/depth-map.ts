/** A small seeded generator (mulberry32): uniform numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Disparity in [0, 1] that looks like a network's: a floor that rises towards the viewer, objects with slanted faces
 * and sharp edges in front of it, and uniform noise. `time` moves the objects, in seconds.
 */
export function depthMap(width: number, height: number, noise = 5e-4, seed = 1, time = 0): Float32Array {
  const random = seeded(seed);
  const objects = Array.from({ length: 9 }, () => {
    const drift = random() - 0.5;
    return {
      x: random() + 0.3 * Math.sin(time * (0.5 + random())) * drift,
      y: 0.3 + 0.6 * random(),
      rx: 0.05 + 0.15 * random(),
      ry: 0.08 + 0.25 * random(),
      disparity: 0.25 + 0.6 * random(),
      slant: 0.3 * (random() - 0.5),
      round: random() < 0.5,
    };
  }).sort((a, b) => a.disparity - b.disparity);
  const values = new Float32Array(width * height);
  for (let j = 0; j < height; j++) {
    const y = (j + 0.5) / height;
    for (let i = 0; i < width; i++) {
      const x = (i + 0.5) / width;
      let value = 0.08 + 0.6 * Math.max(0, y - 0.35) + 0.02 * Math.sin(3 * x + y);
      for (const o of objects) {
        const u = (x - o.x) / o.rx;
        const v = (y - o.y) / o.ry;
        if (o.round ? u * u + v * v < 1 : Math.max(Math.abs(u), Math.abs(v)) < 1)
          value = o.disparity + o.slant * u * 0.3 + (o.round ? 0.05 * Math.sqrt(1 - u * u - v * v) : 0.04 * v);
      }
      values[j * width + i] = Math.min(1, Math.max(0, value + noise * (2 * random() - 1)));
    }
  }
  return values;
}
