import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Impairment } from '../../../test/support/impair/impairment.ts';
import { type SimulationOptions, simulate } from '../../../test/support/impair/simulation.ts';

/** 60 to 100 ms each way. */
const FAR: Impairment = { delayMs: 60, jitterMs: 40 };
const lossy = (loss: number): Pick<SimulationOptions, 'up' | 'down'> => ({
  up: { ...FAR, loss },
  down: { ...FAR, loss },
});
/** A sender that follows the feedback as libwebrtc does, and one that plays a clip whatever it hears. */
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
    [0.1, 7, 0.85],
    [0.1, 21, 0.85],
  ])('at a loss of %f (seed %i) keeps %f of its frames, without a long freeze', async (loss, seed, share) => {
    const { sent, depth, longestGap, sending } = await simulate({ ...sender, ...lossy(loss), seconds: 20, seed });
    expect(depth / sent).toBeGreaterThanOrEqual(share);
    expect(longestGap).toBeLessThan(1000);
    expect(sending).toBeGreaterThan(180_000);
  });

  it('is not asked again, nor to slow down, where packets are only out of order', async () => {
    const result = await simulate({ ...sender, up: { ...FAR, reorder: 0.05 }, down: FAR, seconds: 20 });
    expect(result).toMatchObject({ depth: result.sent, asked: 4_000_000, leastAsked: 4_000_000, plis: 0 });
    expect(result.nacks).toBeLessThan(10);
  });
});

describe('a narrow path, in simulated time', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is told to an adaptive sender, whose loss is then taken for what it is', async () => {
    const up = { delayMs: 40, bitrate: 500_000 };
    const result = await simulate({ adaptive: true, bitrate: 2_500_000, up, down: { delayMs: 40 }, seconds: 30 });
    expect(result.asked).toBeLessThan(550_000);
    expect(result.leastAsked).toBeGreaterThan(250_000);
    expect(result.depth / result.sent).toBeGreaterThan(0.8);
  });
});
