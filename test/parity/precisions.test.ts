import { expect, test } from 'vitest';
import { VITB } from '../support/formula.ts';
import { comparePrecisions } from '../support/precisions.ts';

// vitl: npx tsx test/parity/precisions.ts vitl

test('vitb runs in every precision, and they agree', { timeout: 180_000 }, async () => {
  const { fp32, fp16, int8 } = await comparePrecisions(VITB, { size: 56, frames: 2 });
  // What differs from the plain graph is the order of sums and states in 24 bits.
  expect(fp32.relative).toBeLessThan(1e-4);
  expect(fp16.relative).toBeGreaterThan(1e-5);
  expect(fp16.relative).toBeLessThan(1e-2);
  expect(int8.relative).toBeGreaterThan(1e-3);
  expect(int8.relative).toBeLessThan(5e-2);
});
