// The same handshakes through a running server: after ICE, over UDP, towards a viewer's session.
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcClient } from '../../support/rtc-client.ts';
import { makeCast } from './cast.ts';
import { attack } from './play.ts';
import { makeSequence, type Sequence } from './sequence.ts';

const AT_ONCE = 12;
/** Longer than the server's first retransmission. */
const TURN_MS = 250;
const PATIENCE_MS = 15_000;

/** What a server's settings need for so many sessions of one client. */
export const MANY_SESSIONS = {
  'sources.scenes': ['room'],
  'limits.viewersPerStream': 1000,
  'limits.sessionsPerAddress': 60_000,
  'limits.setupsPerAddress': 60_000,
  'limits.setups': 1000,
  'limits.requestsPerMinute': 1_000_000,
};

export interface ServerReport {
  sequences: number;
  /** By what was expected. */
  expected: Record<Sequence['expected'], number>;
  /** Sequences after which media came. */
  media: number;
  kinds: Map<string, number>;
  faults: string[];
}

/**
 * Plays sequences with successive seeds, several at once, against the stream scene-room of a server.
 * @param base URL of a server with `MANY_SESSIONS`
 * @param tick called after each
 */
export async function runThroughServer(
  base: string,
  count: number,
  firstSeed: number,
  tick = (_done: number) => {},
): Promise<ServerReport> {
  const cast = await makeCast();
  const report: ServerReport = {
    sequences: 0,
    expected: { connects: 0, refused: 0, either: 0 },
    media: 0,
    kinds: new Map(),
    faults: [],
  };
  let next = firstSeed;
  const worker = async () => {
    while (next < firstSeed + count) {
      const sequence = makeSequence(next++, cast);
      const { seed, expected, kinds } = sequence;
      const media = await play(base, sequence);
      report.expected[expected]++;
      if (media) report.media++;
      for (const kind of kinds) report.kinds.set(kind, (report.kinds.get(kind) ?? 0) + 1);
      if (media !== (expected === 'connects') && expected !== 'either')
        report.faults.push(`seed ${seed}, through a server: ${expected}, media ${media} (${kinds.join(', ')})`);
      tick(++report.sequences);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return report;
}

/** @returns whether the server sent media */
async function play(base: string, sequence: Sequence): Promise<boolean> {
  const client = await RtcClient.create({ direction: 'recvonly', fingerprint: sequence.identity.fingerprint });
  let location: string | undefined;
  try {
    // Offering to be active makes the server the DTLS server.
    const offer = sequence.client ? client.offerSdp.replaceAll('a=setup:actpass', 'a=setup:active') : client.offerSdp;
    const headers = { 'content-type': 'application/sdp' };
    const response = await fetch(`${base}/whep/scene-room`, { method: 'POST', body: offer, headers });
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
    await attack(sequence, {
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
    return media;
  } finally {
    await client.close();
    if (location) await fetch(new URL(location, base), { method: 'DELETE' });
  }
}
