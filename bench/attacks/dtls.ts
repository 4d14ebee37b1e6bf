import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeIdentity } from '../../src/webrtc/dtls/identity.ts';
import { Attacker, type ItemName } from '../../test/attacks/dtls/attacker.ts';
import { makeCast } from '../../test/attacks/dtls/cast.ts';
import { attack } from '../../test/attacks/dtls/play.ts';
import { makeSequence, type Sequence } from '../../test/attacks/dtls/sequence.ts';
import { encodeRecord, HANDSHAKE } from '../../test/attacks/dtls/wire.ts';
import { Random } from '../../test/attacks/random.ts';
import { RtcClient } from '../../test/support/rtc-client.ts';
import type { Attack, Target } from './attack.ts';

/** Two fragments of one byte of a message that claims 16 MiB: its first and its last. */
const CLAIM = Buffer.from([
  99, 255, 255, 255, 0, 9, 0, 0, 0, 0, 0, 1, 7, 99, 255, 255, 255, 0, 9, 255, 255, 254, 0, 0, 1, 7,
]);
/** A fragment of one byte of a message of 64 KiB. */
const FRAGMENT = Buffer.from([20, 0, 255, 255, 0, 9, 0, 0, 0, 0, 0, 1, 7]);
const FLIGHT: readonly ItemName[] = [
  'ServerHello',
  'Certificate',
  'ServerKeyExchange',
  'CertificateRequest',
  'ServerHelloDone',
];

/** Shakes hands by hand, so that records of any kind can be sealed afterwards. */
async function connectByHand(target: Target, client: RtcClient, attacker: Attacker): Promise<void> {
  client.ice.on('dtls', (datagram) => attacker.receive(datagram));
  const answer = await target.post('whep/scene-room', client.offerSdp);
  client.accept(answer);
  client.dtls.start = async () => {};
  const seen = async (name: string) => {
    for (let i = 0; i < 200 && !attacker.seen.includes(name); i++) await sleep(25);
    if (!attacker.seen.includes(name)) throw new Error(`no ${name}`);
  };
  const send = (names: readonly ItemName[]) => {
    for (const name of names) {
      const item = attacker.make(name);
      client.ice.send(attacker.record(item, item.body));
    }
  };
  await seen('ClientHello');
  send(FLIGHT);
  await seen('Finished');
  send(['ChangeCipherSpec', 'Finished']);
  await sleep(200);
  target.opened('DTLS');
}

/** A handshake of test/attacks, and whether the server sent media after it. */
async function playSequence(target: Target, sequence: Sequence): Promise<void> {
  const client = await RtcClient.create({ direction: 'recvonly', fingerprint: sequence.identity.fingerprint });
  try {
    // Offering to be active makes the server the DTLS server.
    const offer = sequence.client ? client.offerSdp.replaceAll('a=setup:actpass', 'a=setup:active') : client.offerSdp;
    await target.pace(offer.length);
    const answer = await target.post('whep/scene-room', offer);
    const arrived: Buffer[] = [];
    let media = false;
    client.ice.on('media', () => {
      media = true;
    });
    const up = new Promise<void>((resolve) => client.ice.once('connected', resolve));
    client.accept(answer);
    client.dtls.start = async () => {};
    client.ice.on('dtls', (packet) => arrived.push(Buffer.from(packet)));
    await Promise.race([up, sleep(5000)]);
    target.opened('ICE');
    await attack(sequence, {
      receive: async (datagram) => {
        await target.pace(datagram.length);
        client.ice.send(datagram);
        await sleep(1);
      },
      take: () => arrived.splice(0),
      wait: () => sleep(150),
      connected: () => media,
    });
    if (media) target.tally.reached = 'DTLS, which is a fault of the server';
  } finally {
    await client.close().catch(() => {});
  }
}

export const DTLS: readonly Attack[] = [
  {
    name: 'DTLS: illegal handshakes',
    run: async (target) => {
      const cast = await makeCast();
      for (let seed = 1; !target.over; seed++) {
        const sequence = makeSequence(seed, cast);
        if (sequence.expected === 'refused') await playSequence(target, sequence).catch(() => sleep(100));
      }
    },
  },
  {
    name: 'DTLS: fragments that claim 16 MiB',
    run: (target) =>
      target.again({ beforeDtls: true }, async (client, alive) => {
        let number = 1000;
        const body = Buffer.concat(Array<Buffer>(44).fill(CLAIM));
        await target.flood(
          () => encodeRecord(HANDSHAKE, 0, number++, body),
          (packet) => client.ice.send(packet),
          alive,
        );
      }),
  },
  {
    name: 'DTLS: sealed fragments without an end',
    run: async (target) => {
      const identity = await makeIdentity();
      while (!target.over) {
        const client = await RtcClient.create({ direction: 'recvonly', fingerprint: identity.fingerprint });
        const attacker = new Attacker({ client: false, identity, rsa: false, source: new Random(Date.now()) });
        let ended = false;
        client.ice.on('lost', () => {
          ended = true;
        });
        const body = Buffer.concat(Array<Buffer>(80).fill(FRAGMENT));
        await connectByHand(target, client, attacker)
          .then(() =>
            target.flood(
              () => attacker.record({ contentType: HANDSHAKE, epoch: 1, body }, body),
              (packet) => client.ice.send(packet),
              () => !ended,
            ),
          )
          .catch(() => {});
        await client.close().catch(() => {});
        await sleep(200);
      }
    },
  },
  {
    name: 'DTLS: noise in records',
    bytes: 73,
    run: (target) =>
      target.again({}, async (client, alive) => {
        let number = 1 << 20;
        const next = () => encodeRecord(20 + (number % 4), 1, number++, randomBytes(60));
        await target.flood(next, (packet) => client.ice.send(packet), alive);
      }),
  },
];
