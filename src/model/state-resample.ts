import { DepthcastError } from '../errors.ts';
import type { Size } from './size.ts';
import type { StateCache } from './state-cache.ts';

/**
 * The states of a cache on another grid of tokens, bilinear: tokens stand for squares of the picture, row by row, and their centres
 * map linearly from one grid to the other. Between grids that differ by a quarter no state is left out.
 * @throws DepthcastError INTERNAL where the cache is not one of float32 with `from` tokens
 */
export function resampleCache(cache: StateCache, from: Size, to: Size): StateCache {
  const { cached, waiting, tokens, slots, channels } = cache;
  if (!(cached instanceof Float32Array && waiting instanceof Float32Array) || tokens !== from.width * from.height)
    throw new DepthcastError('INTERNAL', { detail: `${tokens} tokens are no grid of ${from.width}x${from.height}` });
  const next = cache.ofTokens(to.width * to.height);
  const mix = mixOf(from, to);
  resample(cached, next.cached as Float32Array, mix, slots * channels);
  const [old, fresh] = [tokens * channels, next.tokens * channels];
  for (let d = 0; d * old < waiting.length; d++)
    resample(
      waiting.subarray(d * old, (d + 1) * old),
      (next.waiting as Float32Array).subarray(d * fresh, (d + 1) * fresh),
      mix,
      channels,
    );
  return next.filled();
}

interface Mix {
  /** Four tokens for each new one. */
  readonly tokens: Uint32Array;
  readonly weights: Float32Array;
}

function mixOf(from: Size, to: Size): Mix {
  const [columns, rows] = [along(from.width, to.width), along(from.height, to.height)];
  const count = to.width * to.height;
  const mix = { tokens: new Uint32Array(4 * count), weights: new Float32Array(4 * count) };
  let at = 0;
  for (const row of rows)
    for (const column of columns)
      for (const [y, wy] of row)
        for (const [x, wx] of column) {
          mix.tokens[at] = y * from.width + x;
          mix.weights[at++] = wy * wx;
        }
  return mix;
}

type Pair = readonly [at: number, weight: number];

/** For each place of a line its two neighbours on the old one. */
function along(from: number, to: number): (readonly [Pair, Pair])[] {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(position);
    const share = position - low;
    return [
      [low, 1 - share],
      [Math.min(low + 1, from - 1), share],
    ] as const;
  });
}

/** @param length values of a token */
function resample(source: Float32Array, target: Float32Array, { tokens, weights }: Mix, length: number): void {
  for (let t = 0; 4 * t < tokens.length; t++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => tokens[4 * t + k]! * length) as [number, number, number, number];
    const [wa, wb, wc, wd] = weights.subarray(4 * t, 4 * t + 4) as unknown as [number, number, number, number];
    const out = t * length;
    for (let i = 0; i < length; i++)
      target[out + i] = wa * source[a + i]! + wb * source[b + i]! + wc * source[c + i]! + wd * source[d + i]!;
  }
}
