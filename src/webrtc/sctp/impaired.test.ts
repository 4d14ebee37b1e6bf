import { describe, expect, it } from 'vitest';
import type { Impairment } from '../../../test/support/impair/impairment.ts';
import { type FlowResult, ownEnd, simulateFlow } from '../../../test/support/impair/sctp-simulation.ts';
import type { Reliability } from './association.ts';

/** Depth packets of 30 kB, 15 a second: 3.7 Mbit/s in bursts of 26 packets. */
const FLOW = { frameBytes: 30_000, fps: 15, frames: 300 };
const ONCE_MORE: Reliability = { ordered: false, maxRetransmits: 1 };
const NEVER_AGAIN: Reliability = { ordered: false, maxRetransmits: 0 };
/** 60 to 100 ms each way. */
const FAR: Impairment = { delayMs: 60, jitterMs: 40 };

const flow = (reliability: Reliability, link: Impairment, seed = 1): Promise<FlowResult> => {
  const { bitrate: _bitrate, ...up } = link;
  return simulateFlow(ownEnd, reliability, FLOW, { up, down: link, seed });
};

describe('depth over a data channel, in virtual time', () => {
  it.each([1, 2, 3])('does not slow down for single losses on a long path (seed %i)', async (seed) => {
    const { whole, fresh, longestGap } = await flow(ONCE_MORE, { ...FAR, loss: 0.02 }, seed);
    expect(whole).toBeGreaterThan(255);
    expect(fresh).toBeGreaterThan(165);
    expect(longestGap).toBeLessThan(1000);
  });

  it.each([1, 2, 3])('repairs nearly all of them on a short one (seed %i)', async (seed) => {
    const { sent, whole, delays } = await flow(ONCE_MORE, { delayMs: 20, loss: 0.02 }, seed);
    expect(sent).toBeGreaterThan(295);
    expect(whole / sent).toBeGreaterThan(0.97);
    expect(delays.filter((ms) => ms <= 150).length).toBeGreaterThan(0.9 * sent);
  });

  it('sends whole frames as often as independent losses allow where nothing is sent again', async () => {
    const { sent, whole } = await flow(NEVER_AGAIN, { delayMs: 20, loss: 0.02 });
    expect(sent).toBeGreaterThan(295);
    // 0.98 to the 26th: 0.59.
    expect(whole / sent).toBeGreaterThan(0.5);
  });

  it.each([1, 2])('tells once of what is given up, and not again at each acknowledgement (seed %i)', async (seed) => {
    const { whole, overhead } = await flow(NEVER_AGAIN, { ...FAR, loss: 0.02 }, seed);
    expect(whole).toBeGreaterThan(150);
    // A FORWARD TSN for each SACK, and a SACK for each FORWARD TSN, come to 2.9 and more.
    expect(overhead).toBeLessThan(2.2);
  });

  it('gives way at a bottleneck: a full queue is not taken for a lossy path', async () => {
    const { sent, whole, overhead } = await flow(ONCE_MORE, { delayMs: 40, bitrate: 500_000 });
    expect(sent).toBeLessThan(60);
    expect(whole / sent).toBeGreaterThan(0.9);
    // Bytes sent for each that came whole: no storm of retransmissions.
    expect(overhead).toBeLessThan(1.3);
  });
});
