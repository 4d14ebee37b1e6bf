import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeIdentity } from '../../src/webrtc/dtls/identity.ts';
import { Attacker, type ItemName } from '../../test/attacks/dtls/attacker.ts';
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
}

export const DTLS: readonly Attack[] = [
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
