import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, it, vi } from 'vitest';
import { sortByFirstByte } from './plain-http.ts';

const PATIENCE_MS = 100;
let server: Server;
beforeEach(async () => {
  server = createServer({ handshakeTimeout: PATIENCE_MS });
  sortByFirstByte(server, PATIENCE_MS);
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
