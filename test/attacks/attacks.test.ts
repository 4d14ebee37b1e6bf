import { expect, it } from 'vitest';
import { runBetween } from './dtls/between.ts';
import { describeFault, runSequences } from './dtls/run.ts';
import { runSequences13 } from './dtls13/run.ts';
import { runAssociations } from './sctp/run.ts';

// A fraction of what `npm run test:attacks` plays.
const HANDSHAKES = 1000;
const HANDSHAKES_13 = 400;
const BETWEEN = 400;
const ASSOCIATIONS = 500;
const SEED = 1;
const PATIENCE = { timeout: 600_000 };

it('no illegal DTLS handshake connects, every honest one does', PATIENCE, async () => {
  const report = await runSequences(HANDSHAKES, SEED);
  expect(report.faults.map(describeFault)).toEqual([]);
  expect(report.sequences).toBe(HANDSHAKES);
  // That the generator does what it is for.
  expect(report.expected.connects).toBeGreaterThan(90);
  expect(report.expected.refused).toBeGreaterThan(700);
  expect(report.kinds.size).toBeGreaterThan(60);
  expect(report.connected).toBeGreaterThanOrEqual(report.expected.connects);
});

it('no illegal handshake of DTLS 1.3 connects, every honest one does', PATIENCE, async () => {
  const report = await runSequences13(HANDSHAKES_13, SEED);
  expect(report.faults).toEqual([]);
  expect(report.sequences).toBe(HANDSHAKES_13);
  expect(report.expected.connects).toBeGreaterThan(40);
  expect(report.expected.refused).toBeGreaterThan(250);
  expect(report.kinds.size).toBeGreaterThan(40);
  expect(report.connected).toBeGreaterThanOrEqual(report.expected.connects);
});

it('nobody on the path of a DTLS 1.3 handshake gets in, or an end to speak an older version', PATIENCE, async () => {
  const report = await runBetween(BETWEEN, SEED);
  expect(report.faults).toEqual([]);
  expect(report.handshakes).toBe(BETWEEN);
  expect(report.kinds.size).toBe(10);
  expect(report.impostors).toBeGreaterThan(80);
  expect(report.tampered).toBeGreaterThan(60);
  expect(report.connected).toBeGreaterThan(200);
});

it('no SCTP peer makes an association fail, grow or send without bound', PATIENCE, () => {
  const report = runAssociations(ASSOCIATIONS, SEED);
  expect(report.faults).toEqual([]);
  expect(report.associations).toBe(ASSOCIATIONS);
  expect(report.established).toBeGreaterThan(400);
  expect(report.lost).toBeGreaterThan(50);
  expect(report.packets).toBeGreaterThan(10_000);
  // An instance begins with 0.9 MiB.
  expect(report.memoryBytes).toBeLessThan(8 << 20);
});
