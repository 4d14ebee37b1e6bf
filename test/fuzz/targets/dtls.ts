import { DtlsTransport } from '../../../src/webrtc/dtls/dtls-transport.ts';
import { localIdentity } from '../../../src/webrtc/dtls/identity.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';

/** Every datagram of a real handshake between two of ours, and some of application data. */
const datagrams: Buffer[] = [];
let connected: DtlsTransport;
let partner: DtlsTransport;
let fresh: DtlsTransport | undefined;
let fingerprint: string;

const create = (role: 'client' | 'server', send: (packet: Buffer) => void): DtlsTransport =>
  new DtlsTransport({
    role,
    fingerprints: [{ algorithm: 'sha-256', value: fingerprint }],
    send,
  });

await record();

async function record(): Promise<void> {
  fingerprint = (await localIdentity()).fingerprint.replaceAll(':', '');
  const pass = (to: () => DtlsTransport) => (packet: Buffer) => {
    datagrams.push(Buffer.from(packet));
    setImmediate(() => to().receive(packet));
  };
  connected = create(
    'server',
    pass(() => partner),
  );
  partner = create(
    'client',
    pass(() => connected),
  );
  const ready = Promise.all(
    [connected, partner].map((side) => new Promise((resolve) => side.once('connected', resolve))),
  );
  await connected.start();
  await partner.start();
  await ready;
  for (let i = 0; i < 3; i++) partner.sendData(Buffer.alloc(40, i));
  await new Promise((resolve) => setImmediate(resolve));
}

export default defineTarget({
  name: 'dtls',
  about: 'DTLS records, towards a handshake that begins and towards a connection that stands',
  inputs: () => damagedBytes(datagrams),
  read: async (datagram) => {
    connected.receive(datagram);
    if (connected.state !== 'connected') throw new Error(`a forged record ended the connection: ${connected.state}`);
    if (fresh === undefined || fresh.state !== 'connecting') {
      fresh = create('server', () => {});
      await fresh.start();
    }
    fresh.receive(datagram);
    if ((fresh.state as string) === 'connected') throw new Error('a handshake was completed without a peer');
    return false;
  },
  close: () => fresh?.close(),
});
