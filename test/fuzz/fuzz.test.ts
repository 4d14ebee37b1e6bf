import { describe, expect, it } from 'vitest';
import { fuzz } from './harness.ts';
import { TARGETS } from './targets.ts';

/** For what reads formats of strangers, and for what stands behind it; `npm run fuzz` takes longer. */
const SECONDS = 20;
const SECONDS_BEHIND = 2;
const FORMATS = new Set(['sdp', 'ws-message', 'rtp', 'vp8', 'h264', 'wire-packet', 'config', 'checkpoint', 'http']);
/** The same inputs every time: a finding of another seed belongs to `npm run fuzz`. */
const SEED = 20_261_122;

describe('damaged inputs', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s: each is read, or refused with an error of ours',
    async (_name, target) => {
      const { inputs, accepted, refused } = await fuzz(target, {
        seconds: FORMATS.has(target.name) ? SECONDS : SECONDS_BEHIND,
        seed: SEED,
      });
      const refusals = Object.values(refused).reduce((a, b) => a + b, 0);
      expect(accepted + refusals).toBe(inputs);
      expect(refusals).toBeGreaterThan(0);
    },
    4 * SECONDS * 1000,
  );
});
