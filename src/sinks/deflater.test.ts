import { inflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { Deflater } from './deflater.ts';

/** Noise that does not pack, with runs that do. */
function bytes(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return i % 1000 < 200 ? 0 : state >>> 24;
  });
}

it('makes a whole stream of each map, of any size, one after the other', async () => {
  const deflater = new Deflater();
  // The third does not fit one piece of output; the next begins in what is left of the last.
  for (const [n, length] of [98_304, 1, 900_000, 0, 98_304].entries()) {
    const map = bytes(length, n);
    expect(Buffer.compare(inflateRawSync(await deflater.deflate(map)), map)).toBe(0);
  }
  deflater.close();
});

it('ends a running call before it closes, and opens again where it is used after that', async () => {
  const deflater = new Deflater();
  const map = bytes(98_304, 7);
  const running = deflater.deflate(map);
  deflater.close();
  expect(Buffer.compare(inflateRawSync(await running), map)).toBe(0);
  expect(Buffer.compare(inflateRawSync(await deflater.deflate(map)), map)).toBe(0);
});
