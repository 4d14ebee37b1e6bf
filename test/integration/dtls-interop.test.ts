// Our DTLS against OpenSSL's and GnuTLS's own programs, in both roles, over UDP.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { DtlsTransport } from '../../src/webrtc/dtls/dtls-transport.ts';
import { type Identity, makeIdentity } from '../../src/webrtc/dtls/identity.ts';
import type { SrtpKeys } from '../../src/webrtc/srtp/srtp.ts';
import { makeRsaIdentity } from '../attacks/dtls/cast.ts';
import { freePort } from '../support/free-port.ts';
import { needs } from '../support/needs.ts';

const has = (program: string, argument: string) => spawnSync(program, [argument], { stdio: 'ignore' }).status === 0;
/** On a machine for tests they are to be installed. */
const there = (present: boolean) => present || process.env['CI'] === 'true';
const WAIT = { timeout: 20_000, interval: 50 };
const folder = mkdtempSync(join(tmpdir(), 'dtls-'));
const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };

let identities: Record<'ECDSA' | 'RSA', Identity>;
let program: ChildProcess | undefined;
let transport: DtlsTransport | undefined;
let socket: ReturnType<typeof createSocket> | undefined;

beforeAll(async () => {
  identities = { ECDSA: await makeIdentity(), RSA: await makeRsaIdentity(2048) };
});
afterEach(() => {
  transport?.close();
  program?.kill('SIGKILL');
  socket?.close();
  program = socket = transport = undefined;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write({ certificate, key }: Identity): void {
  const body = certificate.toString('base64').replaceAll(/.{64}/g, '$&\n');
  writeFileSync(files.cert, `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`);
  writeFileSync(files.key, key.export({ type: 'pkcs8', format: 'pem' }));
}

type Commands = Record<'server' | 'client', (port: number) => [string, string[]]>;

const OPENSSL: Commands = {
  server: (port) => [
    'openssl',
    [
      's_server',
      '-dtls1_2',
      '-accept',
      `127.0.0.1:${port}`,
      '-cert',
      files.cert,
      '-key',
      files.key,
      '-Verify',
      '1',
      '-quiet',
    ].concat('-use_srtp', 'SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM'),
  ],
  client: (port) => [
    'openssl',
    ['s_client', '-dtls1_2', '-connect', `127.0.0.1:${port}`, '-cert', files.cert, '-key', files.key, '-quiet'].concat(
      '-use_srtp',
      'SRTP_AES128_CM_SHA1_80',
    ),
  ],
};
const GNUTLS: Commands = {
  server: (port) => [
    'gnutls-serv',
    [
      '--udp',
      '--port',
      `${port}`,
      '--x509certfile',
      files.cert,
      '--x509keyfile',
      files.key,
      '--require-client-cert',
      '--echo',
    ].concat('--srtp-profiles', 'SRTP_AES128_CM_HMAC_SHA1_80'),
  ],
  client: (port) => [
    'gnutls-cli',
    ['--udp', '--insecure', '--port', `${port}`, '--x509certfile', files.cert, '--x509keyfile', files.key].concat(
      '--srtp-profiles',
      'SRTP_AES128_CM_HMAC_SHA1_80',
      '127.0.0.1',
    ),
  ],
};

/** @param role the program's */
async function connect(commands: Commands, role: 'server' | 'client', identity: Identity) {
  write(identity);
  socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  let port = role === 'server' ? await freePort() : 0;
  const [command, args] = commands[role](role === 'server' ? port : (socket.address() as AddressInfo).port);
  let output = '';
  const got: string[] = [];
  let keys: SrtpKeys | undefined;
  let failure: Error | undefined;
  transport = new DtlsTransport({
    role: role === 'server' ? 'client' : 'server',
    fingerprints: [{ algorithm: 'sha-256', value: identity.fingerprint.replaceAll(':', '') }],
    send: (packet) => socket?.send(packet, port, '127.0.0.1', () => {}),
  });
  transport.dataReceiver = (data) => got.push(data.toString());
  transport.on('connected', (made) => {
    keys = made;
  });
  transport.on('failed', (error) => {
    failure = error;
  });
  socket.on('message', (datagram, from) => {
    port = from.port;
    transport!.receive(datagram);
  });
  if (role === 'client') await transport.start();
  program = spawn(command, args).on('error', (error) => {
    failure = error;
  });
  program.stdout!.on('data', (text) => (output += text));
  program.stderr!.on('data', (text) => (output += text));
  if (role === 'server') await transport.start();
  await vi.waitUntil(() => {
    if (failure) throw failure;
    return keys;
  }, WAIT);
  return { keys: keys!, program, got, output: () => output };
}

describe.each([
  ['OpenSSL', OPENSSL, needs(there(has('openssl', 'version')), 'openssl (Debian: openssl)'), 8, 1],
  ['GnuTLS', GNUTLS, needs(there(has('gnutls-cli', '--version')), 'gnutls-cli (Debian: gnutls-bin)'), 1, 1],
] as const)('%s', (_name, commands, options, serverProfile, clientProfile) => {
  it.each(['ECDSA', 'RSA'] as const)(
    'as server with an %s certificate connects, and data passes',
    options,
    async (kind) => {
      const { keys, output } = await connect(commands, 'server', identities[kind]);
      expect(keys.profile).toBe(serverProfile);
      expect(keys.localKey).toHaveLength(serverProfile === 8 ? 32 : 16);
      // The program is a moment behind, and drops what comes too early.
      await vi.waitUntil(() => {
        transport!.sendData(Buffer.from('hello there\n'));
        return output().includes('hello there') || output().includes('Echoed') || output().includes('received');
      }, WAIT);
    },
  );

  it.each(['ECDSA', 'RSA'] as const)(
    'as client with an %s certificate connects, and data passes',
    options,
    async (kind) => {
      const { keys, got, program } = await connect(commands, 'client', identities[kind]);
      expect(keys.profile).toBe(clientProfile);
      await vi.waitUntil(() => {
        program!.stdin!.write('hello there\n');
        return got.join('').includes('hello there');
      }, WAIT);
    },
  );
});
