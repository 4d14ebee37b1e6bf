import { once } from 'node:events';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type AdmittedSocket, addUpgrades } from './upgrade.ts';

async function listen(admit: () => Promise<AdmittedSocket>): Promise<{ url: string; close: () => Promise<void> }> {
  const app = Fastify({ forceCloseConnections: true });
  addUpgrades(app, admit, () => {}, 100);
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  return { url: `${address.replace('http', 'ws')}/ws`, close: () => app.close() };
}

it('closes a connection whose handshake takes too long, and gives its place back', async () => {
  let decide = (_admission: AdmittedSocket) => {};
  const server = await listen(() => new Promise((resolve) => (decide = resolve)));
  const [error] = await once(new WebSocket(server.url), 'error');
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  const ended = await new Promise((resolve) =>
    decide({ open: () => resolve('opened'), cancel: () => resolve('cancelled') }),
  );
  expect(ended).toBe('cancelled');
  await server.close();
});

it('leaves a connection alone once it is open', async () => {
  const server = await listen(async () => ({
    open: (socket) => socket.on('message', () => socket.close()),
    cancel() {},
  }));
  const client = new WebSocket(server.url);
  await once(client, 'open');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(client.readyState).toBe(client.OPEN);
  client.send('');
  await once(client, 'close');
  await server.close();
});
