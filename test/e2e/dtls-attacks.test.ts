// The handshakes of test/attacks through a running server: after ICE, over UDP, towards a viewer's session.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { makeCast } from '../attacks/dtls/cast.ts';
import { attack } from '../attacks/dtls/play.ts';
import { type Cast, makeSequence, type Sequence } from '../attacks/dtls/sequence.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { startApp } from './support/app.ts';

const SEQUENCES = 500;
const AT_ONCE = 12;
const SEED = 7_000_000;
/** Longer than the server's first retransmission. */
const TURN_MS = 250;
const PATIENCE_MS = 15_000;

let server: DepthServer & { base: string };
let cast: Cast;
beforeAll(async () => {
  cast = await makeCast();
  server = await startApp({
    'sources.scenes': ['room'],
    'limits.viewersPerStream': 1000,
    'limits.sessionsPerAddress': 60_000,
    'limits.setupsPerAddress': 60_000,
    'limits.setups': 1000,
    'limits.requestsPerMinute': 1_000_000,
  });
});
afterAll(() => server?.close());

/** @returns whether the server sent media, and whether the attacker saw its handshake through */
async function play(sequence: Sequence): Promise<{ media: boolean; finished: boolean }> {
  const client = await RtcClient.create({ direction: 'recvonly', fingerprint: sequence.identity.fingerprint });
  let location: string | undefined;
  try {
    // Offering to be active makes the server the DTLS server.
    const offer = sequence.client ? client.offerSdp.replaceAll('a=setup:actpass', 'a=setup:active') : client.offerSdp;
    const headers = { 'content-type': 'application/sdp' };
    const response = await fetch(`${server.base}/whep/scene-room`, { method: 'POST', body: offer, headers });
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
    location = response.headers.get('location') ?? undefined;
    const arrived: Buffer[] = [];
    let media = false;
    client.ice.on('media', () => {
      media = true;
    });
    const up = new Promise<void>((resolve) => client.ice.once('connected', resolve));
    client.accept(await response.text());
    client.dtls.start = async () => {};
    client.ice.on('dtls', (packet) => arrived.push(Buffer.from(packet)));
    await up;
    const { attacker } = await attack(sequence, {
      receive: async (datagram) => {
        client.ice.send(datagram);
        await sleep(2);
      },
      take: () => arrived.splice(0),
      wait: () => sleep(TURN_MS),
      connected: () => media,
    });
    const until = performance.now() + (sequence.expected === 'connects' ? PATIENCE_MS : TURN_MS);
    while (!media && performance.now() < until) await sleep(50);
    return { media, finished: attacker.finished };
  } finally {
    await client.close();
    if (location) await fetch(new URL(location, server.base), { method: 'DELETE' });
  }
}

it(`none of ${SEQUENCES} illegal handshakes gets media of a running server, every honest one does`, {
  timeout: 900_000,
}, async () => {
  const faults: string[] = [];
  const counts = { connects: 0, refused: 0, either: 0, media: 0 };
  let next = SEED;
  const worker = async () => {
    while (next < SEED + SEQUENCES) {
      const sequence = makeSequence(next++, cast);
      const { media } = await play(sequence);
      counts[sequence.expected]++;
      if (media) counts.media++;
      if (media !== (sequence.expected === 'connects') && sequence.expected !== 'either')
        faults.push(`seed ${sequence.seed}: ${sequence.expected}, media ${media} (${sequence.kinds.join(', ')})`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(faults).toEqual([]);
  expect(counts.connects + counts.refused + counts.either).toBe(SEQUENCES);
  expect(counts.media).toBeGreaterThanOrEqual(counts.connects);
  expect((await fetch(`${server.base}/readyz`)).status).toBe(200);
});
