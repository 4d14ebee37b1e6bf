import { setTimeout as sleep } from 'node:timers/promises';
import { ServerMessage, WorkerMessage, WorkerStatus } from '@livekit/protocol';
import { afterEach, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Answer } from './worker-socket.ts';
import { WorkerSocket } from './worker-socket.ts';

type Said = WorkerMessage['message'];

let server: WebSocketServer;
let worker: WorkerSocket;

afterEach(() => {
  worker.close();
  server.close();
});

/** The server's end of the worker protocol, on loopback. */
async function connect(offer: () => Promise<Answer>) {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const said: Said[] = [];
  const connected = new Promise<WebSocket>((resolve) =>
    server.once('connection', (socket, { headers, url }) => {
      expect(url).toBe('/agent?protocol=1');
      expect(headers.authorization).toMatch(/^Bearer /);
      socket.on('message', (bytes: Buffer) => said.push(WorkerMessage.fromBinary(bytes).message));
      resolve(socket);
    }),
  );
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  worker = new WorkerSocket({
    url: `ws://127.0.0.1:${port}`,
    credentials: { apiKey: 'key', apiSecret: 'a secret that is long enough for it' },
    agentName: 'depth',
    version: '0',
    offer,
    load: () => ({ load: 0.3, jobs: 1, full: false }),
  });
  worker.open();
  const socket = await connected;
  const send = (message: ServerMessage['message']) => socket.send(new ServerMessage({ message }).toBinary());
  const heard = async (check: (one: Said) => boolean, count = 1) => {
    while (said.filter(check).length < count) await sleep(5);
    return said.filter(check);
  };
  await heard(({ case: what }) => what === 'register');
  send({ case: 'register', value: { workerId: 'W1' } } as never);
  return { send, heard, said, socket };
}

const offered = (id: string) => ({ case: 'availability', value: { job: { id } } }) as never;
const isAnswer = ({ case: what }: Said) => what === 'availability';

test('it registers, reports its load, and answers offers', async () => {
  const { send, heard } = await connect(async () => ({ available: true, identity: 'depth-of-a' }));
  const [report] = await heard(({ case: what }) => what === 'updateWorker');
  expect(report!.value).toMatchObject({ status: WorkerStatus.WS_AVAILABLE, jobCount: 1 });
  send(offered('J1'));
  const [answer] = await heard(isAnswer);
  expect(answer!.value).toMatchObject({ jobId: 'J1', available: true, participantIdentity: 'depth-of-a' });
});

test('a thousand offers at once are not all looked at: those beyond 64 have their no at once', async () => {
  let asked = 0;
  let free = () => {};
  const { send, heard } = await connect(
    () =>
      new Promise<Answer>((resolve) => {
        asked++;
        const before = free;
        free = () => {
          before();
          resolve({ available: true });
        };
      }),
  );
  for (let i = 0; i < 1000; i++) send(offered(`J${i}`));
  const refused = await heard(isAnswer, 1000 - 64);
  expect(asked).toBe(64);
  expect(refused.every(({ value }) => (value as Answer).available === false)).toBe(true);
  free();
  await heard(isAnswer, 1000);
  send(offered('again'));
  while (asked < 65) await sleep(5);
  free();
});

test('an offer that takes too long counts as no', async () => {
  const { send, heard } = await connect(() => new Promise(() => {}));
  send(offered('J1'));
  const [answer] = await heard(isAnswer);
  expect(answer!.value).toMatchObject({ jobId: 'J1', available: false });
});

test('what is none of the protocol ends the connection, and it comes again', async () => {
  const { socket } = await connect(async () => ({ available: false }));
  const lost = new Promise((resolve) => worker.once('lost', resolve));
  const again = new Promise((resolve) => server.once('connection', resolve));
  socket.send(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  expect(await lost).toMatchObject({ code: 'LIVEKIT_FAILED' });
  await again;
});
