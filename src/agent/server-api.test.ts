import { createServer, type RequestListener, type Server } from 'node:http';
import { decodeJwt } from 'jose';
import { afterEach, expect, test } from 'vitest';
import { ServerApi } from './server-api.ts';

let server: Server;

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function api(answer: RequestListener): Promise<ServerApi> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  return new ServerApi(`ws://127.0.0.1:${port}/`, { apiKey: 'key', apiSecret: 'a secret that is long enough for it' });
}

test('it asks by Twirp, with the rights that the question needs, and reads past what it does not know', async () => {
  const asked: unknown[] = [];
  const rooms = await api((request, response) => {
    const token = request.headers.authorization!.replace('Bearer ', '');
    asked.push(request.url, decodeJwt(token)['video']);
    response.end('{"participants":[{"identity":"alice","kind":"AGENT","colour":"red"}]}');
  });
  const [alice] = await rooms.participants('r');
  expect(alice).toMatchObject({ identity: 'alice', kind: 4 });
  expect(asked).toEqual(['/twirp/livekit.RoomService/ListParticipants', { roomAdmin: true, room: 'r' }]);
});

test('an answer without an end is not read to it', async () => {
  let sent = 0;
  const endless = await api((_, response) => {
    const piece = Buffer.alloc(1 << 20, ' ');
    const more = () => {
      sent++;
      if (!response.destroyed && sent < 200) response.write(piece, () => setImmediate(more));
    };
    more();
  });
  await expect(endless.rooms()).rejects.toMatchObject({
    code: 'LIVEKIT_FAILED',
    message: expect.stringContaining('too long'),
  });
  expect(sent, 'MiB').toBeLessThan(100);
});

test('refusals and nonsense are errors of the server', async () => {
  const refusing = await api((_, response) => response.writeHead(401).end('who are you'));
  await expect(refusing.rooms()).rejects.toMatchObject({
    code: 'LIVEKIT_FAILED',
    message: expect.stringContaining('401'),
  });
  server.close();
  const odd = await api((_, response) => response.end('<html>'));
  await expect(odd.rooms()).rejects.toMatchObject({ code: 'LIVEKIT_FAILED' });
});
