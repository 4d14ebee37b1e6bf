import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { MANY_SESSIONS, runThroughServer } from '../attacks/dtls/through-server.ts';
import { startApp } from './support/app.ts';

// A fraction of what `npm run test:attacks` plays.
const SEQUENCES = 150;
const SEED = 7_000_000;

let server: DepthServer & { base: string };
beforeAll(async () => {
  server = await startApp(MANY_SESSIONS);
});
afterAll(() => server?.close());

it('no illegal handshake gets media of a running server, every honest one does', { timeout: 900_000 }, async () => {
  const { sequences, expected, media, kinds, faults } = await runThroughServer(server.base, SEQUENCES, SEED);
  expect(faults).toEqual([]);
  expect(sequences).toBe(SEQUENCES);
  expect(media).toBeGreaterThanOrEqual(expected.connects);
  // That the generator does what it is for.
  expect(expected.connects).toBeGreaterThan(8);
  expect(expected.refused).toBeGreaterThan(90);
  expect(kinds.size).toBeGreaterThan(40);
  expect((await fetch(`${server.base}/readyz`)).status).toBe(200);
});
