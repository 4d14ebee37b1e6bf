import { expect, it } from 'vitest';
import { describeFault, runSequences } from './dtls/run.ts';

const SEQUENCES = 20_000;
const SEED = 1;

it('no illegal DTLS handshake connects, every honest one does', { timeout: 1_200_000 }, async () => {
  const report = await runSequences(SEQUENCES, SEED);
  expect(report.faults.map(describeFault)).toEqual([]);
  expect(report.sequences).toBe(SEQUENCES);
  // That the generator does what it is for.
  expect(report.expected.connects).toBeGreaterThan(200);
  expect(report.expected.refused).toBeGreaterThan(1500);
  expect(report.kinds.size).toBeGreaterThan(80);
  expect(report.connected).toBeGreaterThanOrEqual(report.expected.connects);
});
