import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { parseStun, writeStun } from '../../src/webrtc/ice/stun.ts';
import { candidatesOf, offerOf } from '../support/ice-offer.ts';
import { metric, startApp, until } from './support/app.ts';

// One request names addresses that never asked for anything: what reaches them?

const PASSWORD = 'p'.repeat(24);
const HEADER_BYTES = 28;

let server: DepthServer & { base: string };
let sockets: Socket[];
let received: { packet: Buffer; port: number }[];

beforeAll(async () => {
  server = await startApp({
    'sources.scenes': ['room'],
    'server.trustProxy': ['loopback'],
    'limits.setupSeconds': 3,
    'limits.setupsPerAddress': 64,
  });
  sockets = await Promise.all(
    Array.from({ length: 64 }, async () => {
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      socket.on('message', (packet) => received.push({ packet, port: socket.address().port }));
      return socket;
    }),
  );
});
afterAll(async () => {
  for (const socket of sockets) socket.close();
  await server.close();
});

const all = () => candidatesOf(sockets);

/** Asks, and waits until the server has given the session up. @returns the answer */
async function ask(offer: string, headers: Record<string, string> = {}): Promise<string> {
  received = [];
  const ended = () => metric(server, 'depthcast_rejected_total', { code: 'SETUP_TIMEOUT' });
  const before = await ended();
  const response = await fetch(`${server.base}/whep/scene-room`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp', ...headers },
    body: offer,
  });
  expect(response.status).toBe(201);
  const answer = await response.text();
  await until('the end of the session', async () => (await ended()) > before);
  return answer;
}

describe('one request', () => {
  it('makes the server send at most three times its bytes', async () => {
    const offer = await offerOf(all(), PASSWORD);
    await ask(offer);
    const sent = received.reduce((sum, { packet }) => sum + packet.length + HEADER_BYTES, 0);
    expect(received.length).toBeGreaterThan(10);
    expect(sent).toBeLessThanOrEqual(3 * Buffer.byteLength(offer));
  });

  it('whose checks are answered with errors gets one for each candidate and no more', async () => {
    const answerWith = (errorCode: number) =>
      sockets.map((socket) => {
        const listener = (packet: Buffer, { port, address }: { port: number; address: string }) => {
          const check = parseStun(packet);
          if (check?.kind !== 'request') return;
          socket.send(writeStun({ kind: 'error', id: check.id, errorCode }, PASSWORD), port, address);
        };
        socket.on('message', listener);
        return () => socket.off('message', listener);
      });
    for (const [code, most] of [
      [401, 1],
      [400, 1],
      [487, 2],
    ] as const) {
      const stop = answerWith(code);
      const answer = await ask(await offerOf(all(), PASSWORD));
      for (const one of stop) one();
      const paths = new Set(received.map(({ packet }) => parseStun(packet)?.username)).size;
      expect(paths).toBe(1);
      const perPort = new Map<number, Set<string>>();
      for (const { packet, port } of received) {
        const ids = perPort.get(port) ?? new Set();
        perPort.set(port, ids.add(parseStun(packet)!.id));
      }
      // From each of the server's own sockets that can reach loopback.
      const ways = answer.match(/^a=candidate:.* typ host/gm)!.length;
      for (const ids of perPort.values()) expect(ids.size).toBeLessThanOrEqual(most * ways);
    }
  });

  it('from elsewhere reaches nothing on this machine, nor ports of system services', async () => {
    const refused = () => metric(server, 'depthcast_peer_refused_candidates_total');
    const before = await refused();
    await ask(await offerOf(all(), PASSWORD), { 'x-forwarded-for': '203.0.113.9' });
    expect(received).toEqual([]);
    expect(await refused()).toBeGreaterThanOrEqual(before + 64);
  });
});
