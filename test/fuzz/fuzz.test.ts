import { describe, expect, it } from 'vitest';
import { fuzz } from './harness.ts';
import { TARGETS } from './targets.ts';

/** A first look; `npm run fuzz` feeds each target for 20 s, some tens of thousands. */
const RUNS = 2000;
/** The same inputs every time: a finding of another seed belongs to `npm run fuzz`. */
const SEED = 20_261_122;

describe('damaged inputs', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s: each is read, or refused with an error of ours',
    async (_name, target) => {
      const { accepted, refused } = await fuzz(target, { runs: RUNS, seed: SEED });
      const refusals = Object.values(refused).reduce((a, b) => a + b, 0);
      expect(accepted + refusals).toBe(RUNS);
      expect(refusals).toBeGreaterThan(0);
    },
    120_000,
  );
});
