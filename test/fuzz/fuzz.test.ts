import { describe, expect, it } from 'vitest';
import { fuzz } from './harness.ts';
import { TARGETS } from './targets.ts';

/** Of each target; `npm run fuzz` takes longer. */
const SECONDS = 2;
/** The same inputs every time: a finding of another seed belongs to `npm run fuzz`. */
const SEED = 20_261_122;

describe('damaged inputs', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s: each is read, or refused with an error of ours',
    async (_name, target) => {
      const { inputs, accepted, refused } = await fuzz(target, { seconds: SECONDS, runs: 50_000, seed: SEED });
      const refusals = Object.values(refused).reduce((a, b) => a + b, 0);
      expect(accepted + refusals).toBe(inputs);
      expect(refusals).toBeGreaterThan(0);
    },
  );
});
