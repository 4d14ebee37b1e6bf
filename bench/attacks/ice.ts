import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseStun, writeStun } from '../../src/webrtc/ice/stun.ts';
import { candidatesOf, offerOf } from '../../test/support/ice-offer.ts';
import type { RtcClient } from '../../test/support/rtc-client.ts';
import type { Attack } from './attack.ts';

const PASSWORD = 'p'.repeat(24);
const SOCKETS = 64;

async function sockets(count: number): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      return socket;
    }),
  );
}

/** Answers each check of the server's with an authentic error. */
const answersWith = (errorCode: number): Attack => ({
  name: `ICE: checks answered with ${errorCode}`,
  run: async (target) => {
    const open = await sockets(32);
    for (const socket of open)
      socket.on('message', async (data, { address, port }) => {
        const check = parseStun(data);
        if (check?.kind !== 'request') return;
        if (target.over) return;
        target.tally.reached = 'ICE: its checks';
        const answer = writeStun({ kind: 'error', id: check.id, errorCode }, PASSWORD);
        await target.pace(answer.length);
        if (!target.over) socket.send(answer, port, address);
      });
    while (!target.over) {
      const offer = await offerOf(candidatesOf(open), PASSWORD);
      await target.pace(offer.length);
      const taken = await target.post('whep/scene-room', offer).catch(() => undefined);
      if (taken) target.tally.connections++;
      await sleep(500);
    }
    for (const socket of open) socket.close();
  },
});

const thirdParties: Attack = {
  name: 'ICE: offers naming 64 third parties',
  run: async (target) => {
    const victims = await sockets(SOCKETS);
    const offer = await offerOf(candidatesOf(victims), PASSWORD);
    while (!target.over) {
      await target.pace(offer.length);
      await target.post('whep/scene-room', offer).then(
        () => target.opened('answered offers'),
        () => sleep(50),
      );
    }
    for (const socket of victims) socket.close();
  },
};

/** What the server's checks are signed with. */
const credentials = (answer: string) => ({
  ufrag: /a=ice-ufrag:(\S+)/.exec(answer)![1]!,
  pwd: /a=ice-pwd:(\S+)/.exec(answer)![1]!,
});

/** Of a connected viewer: what the server's own port is. */
function portOf({ ice }: RtcClient): number {
  return Number(/:(\d+)$/.exec(ice.selectedPair!.remote)![1]);
}

const binding = (username: string, password: string, priority: number) =>
  writeStun(
    { kind: 'request', username, priority, role: { controlling: true, tieBreaker: 1n }, nominates: priority % 2 === 0 },
    password,
  );

const authenticChecks: Attack = {
  name: 'ICE: authentic checks from 64 ports',
  bytes: 100,
  run: (target) =>
    target.again({}, async (client, alive, answer) => {
      const open = await sockets(SOCKETS);
      const { ufrag, pwd } = credentials(answer);
      let n = 0;
      const port = portOf(client);
      // Made beforehand: an attacker has all the time.
      const packets = Array.from({ length: 512 }, (_, i) => binding(`${ufrag}:${client.ice.localUfrag}`, pwd, i));
      const next = () => packets[n++ % packets.length]!;
      await target.flood(next, (packet) => open[n % SOCKETS]!.send(packet, port, '127.0.0.1'), alive);
      for (const socket of open) socket.close();
    }),
};

const forgedChecks: Attack = {
  name: 'ICE: forged checks of strangers',
  bytes: 100,
  run: (target) =>
    target.again({}, async (client, alive, answer) => {
      const [socket] = await sockets(1);
      const { ufrag } = credentials(answer);
      const packet = binding(`${ufrag}:x`, 'wrong', 1);
      const port = portOf(client);
      await target.flood(
        () => packet,
        () => socket!.send(packet, port, '127.0.0.1'),
        alive,
      );
      socket!.close();
    }),
};

/** From where the peer is: each the header of a STUN message, then attributes that do not parse, or none that is known. */
const noise: Attack = {
  name: 'ICE: noise in STUN messages',
  bytes: 100,
  run: (target) =>
    target.again({}, (client, alive) =>
      target.flood(
        () => Buffer.concat([Buffer.from('000100502112a442', 'hex'), randomBytes(92)]),
        (packet) => client.ice.send(packet),
        alive,
      ),
    ),
};

export const ICE: readonly Attack[] = [
  answersWith(401),
  answersWith(487),
  thirdParties,
  authenticChecks,
  forgedChecks,
  noise,
];
