import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, it, vi } from 'vitest';
import { sortByFirstByte } from './plain-http.ts';

const PATIENCE_MS = 100;
let server: Server;
let refusals = 0;
beforeEach(async () => {
  server = createServer({ handshakeTimeout: PATIENCE_MS });
  sortByFirstByte(server, PATIENCE_MS, () => refusals++);
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => server.close());

async function open(): Promise<Socket> {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  return socket.resume();
}

const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n';

it.each([
  ['says nothing', []],
  ['begins a request in plain http', ['G']],
  ['begins a handshake of TLS', ['\x16\x03\x01']],
  ['continues a TLS handshake for ever', ['\x16\x03\x01\x40\x00\x01', '\0']],
  ['sends its headers byte by byte', [`${HEAD}A: `, 'a']],
  ['sends its body byte by byte', [`${HEAD}\r\n`, 'a']],
])('ends a connection that %s', async (_name, [first, more]) => {
  const socket = await open();
  // Not once(), which takes a reset for a failure.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  if (first !== undefined) socket.write(first);
  const timer = setInterval(() => more !== undefined && socket.write(more), PATIENCE_MS / 10);
  await closed;
  clearInterval(timer);
  await vi.waitUntil(() => new Promise((resolve) => server.getConnections((_error, count) => resolve(count === 0))));
});

it.each([
  ['of several addresses, which a second after they began give way', 5],
  ['of one address, which give way at once', 1],
])('lets a handshake in past hundreds that do not go on, %s', async (_name, addresses) => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'x' }]);
  const slow = createServer({ key, cert, handshakeTimeout: 60_000 }, (_request, response) => response.end('here'));
  sortByFirstByte(slow, 60_000, () => refusals++);
  await once(slow.listen(0, '127.0.0.1'), 'listening');
  const { port } = slow.address() as AddressInfo;
  const held = Array.from({ length: 300 }, (_, i) => {
    const from = `127.0.0.${2 + (i % addresses)}`;
    const socket = connect({ port, host: '127.0.0.1', localAddress: from }).on('error', () => {});
    socket.write('\x16\x03\x01');
    return socket.resume();
  });
  refusals = 0;
  await vi.waitUntil(() => refusals >= 300 - 256, 10_000);
  const shake = () =>
    new Promise<boolean>((resolve) => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(true));
      socket.on('error', () => resolve(false)).on('close', () => resolve(false));
      ours.push(socket);
    });
  const ours: Socket[] = [];
  await vi.waitUntil(shake, { timeout: 10_000, interval: 100 });
  await vi.waitUntil(() => held.filter(({ destroyed }) => destroyed).length > 300 - 256);
  for (const socket of [...held, ...ours]) socket.destroy();
  slow.close();
});
