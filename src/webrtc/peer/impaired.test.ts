import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Impairment } from '../../../test/support/impair/impairment.ts';
import { type SimulationOptions, simulate } from '../../../test/support/impair/simulation.ts';

/** 60 to 100 ms each way. */
const FAR: Impairment = { delayMs: 60, jitterMs: 40 };
const lossy = (loss: number): Pick<SimulationOptions, 'up' | 'down'> => ({
  up: { ...FAR, loss },
  down: { ...FAR, loss },
});
/** A sender that follows the feedback as libwebrtc does, and one that plays on whatever it hears. */
const SENDERS = [
  ['an adaptive sender', { adaptive: true, bitrate: 2_500_000 }],
  ['a fixed bitrate', { adaptive: false, bitrate: 800_000 }],
] as const;

describe.each(SENDERS)('%s, in simulated time', (_name, sender) => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    [0.02, 7, 0.97],
    [0.02, 21, 0.97],
    [0.1, 7, 0.95],
    [0.1, 21, 0.95],
  ])('at a loss of %f (seed %i) keeps %f of its frames, without a long freeze', async (loss, seed, share) => {
    const result = await simulate({ ...sender, ...lossy(loss), seconds: 20, seed });
    expect(result.depth / result.sent).toBeGreaterThanOrEqual(share);
    expect(result.longestGap).toBeLessThan(800);
    // Packets are repaired before a keyframe would have to come.
    expect(result.plis).toBeLessThan(4);
    // Loss without a queue is no reason to slow down.
    expect(result.leastAsked).toBeGreaterThan(220_000);
    expect(result.sending).toBeGreaterThan(220_000);
  });

  it('is not asked again, nor to slow down, where packets are only out of order', async () => {
    const result = await simulate({ ...sender, up: { ...FAR, reorder: 0.05 }, down: FAR, seconds: 20 });
    expect(result).toMatchObject({ depth: result.sent, asked: 4_000_000, leastAsked: 4_000_000, plis: 0 });
    expect(result.nacks).toBeLessThan(10);
  });
});

describe('a clip with a keyframe a second and none on request, in simulated time', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  // Frames between a hole and a whole keyframe behind it are left out: newer pictures are there.
  it.each([2, 7, 11])(
    'at a loss of a tenth has its packets repaired, not its stream begun anew (seed %i)',
    async (seed) => {
      const clip = { adaptive: false, bitrate: 1_300_000, keyframeEvery: 15 };
      const result = await simulate({ ...clip, ...lossy(0.1), seconds: 20, seed });
      expect(result.depth / result.sent).toBeGreaterThan(0.93);
      expect(result.longestGap).toBeLessThan(800);
      expect(result.plis).toBeLessThan(3);
    },
  );
});

describe('a narrow path, in simulated time', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const narrow: Impairment = { delayMs: 40, bitrate: 500_000 };
  it.each<[string, Impairment, Record<number, Impairment>]>([
    ['from the beginning', narrow, {}],
    ['of a sudden', { delayMs: 40 }, { 10: narrow }],
  ])('%s is told to an adaptive sender before its queue is full', async (_when, up, changes) => {
    const path = { up, down: { delayMs: 40 }, changes };
    const result = await simulate({ adaptive: true, bitrate: 2_500_000, ...path, seconds: 30 });
    expect(result.leastAsked).toBeLessThan(450_000);
    expect(result.leastAsked).toBeGreaterThan(250_000);
    expect(result.sending).toBeLessThan(650_000);
    expect(result.depth / result.sent).toBeGreaterThan(0.97);
    expect(result.longestGap).toBeLessThan(1000);
  });

  it('that drops what it cannot hold is told, too', async () => {
    const up = { ...narrow, queueBytes: 6000 };
    const result = await simulate({ adaptive: true, bitrate: 2_500_000, up, down: { delayMs: 40 }, seconds: 30 });
    expect(result.leastAsked).toBeLessThan(450_000);
    expect(result.depth / result.sent).toBeGreaterThan(0.8);
  });
});
