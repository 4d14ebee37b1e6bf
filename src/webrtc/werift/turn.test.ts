import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { classes, Message, methods, parseMessage, type Transport, TurnProtocol } from 'werift';
import { TurnAllocation, type TurnInternals } from './turn.ts';

/** A TURN server in little: allocates to whoever has the password, refreshes, permits, and binds channels. */
class TurnServer {
  readonly asked: { method: number; lifetime: unknown }[] = [];
  readonly #socket: Socket = createSocket('udp4');
  #client = 0;
  port = 0;

  async open(): Promise<void> {
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
    this.port = this.#socket.address().port;
    this.#socket.on('message', (data, from) => {
      const request = parseMessage(data);
      if (request?.messageClass !== classes.REQUEST) return;
      const lifetime: unknown = request.getAttributeValue('LIFETIME');
      if (!request.attributesKeys.includes('MESSAGE-INTEGRITY')) {
        const challenge = new Message(request.messageMethod, classes.ERROR, request.transactionId);
        challenge.setAttribute('ERROR-CODE', [401, 'Unauthenticated']);
        challenge.setAttribute('REALM', 'here').setAttribute('NONCE', Buffer.from('nonce'));
        this.#socket.send(challenge.bytes, from.port, from.address);
        return;
      }
      this.asked.push({ method: request.messageMethod, lifetime });
      this.#client = from.port;
      const answer = new Message(request.messageMethod, classes.RESPONSE, request.transactionId);
      answer.setAttribute('XOR-RELAYED-ADDRESS', ['192.0.2.55', 7000]);
      answer.setAttribute('XOR-MAPPED-ADDRESS', ['127.0.0.1', from.port]);
      if (lifetime !== undefined) answer.setAttribute('LIFETIME', lifetime);
      answer.addMessageIntegrity(createHash('md5').update('u:here:p').digest());
      this.#socket.send(answer.bytes, from.port, from.address);
    });
  }

  count(method: number): number {
    return this.asked.filter((request) => request.method === method).length;
  }

  /** Data of a peer, as the server passes it on. */
  pass(data: Buffer, peer: [string, number], from = this.#socket): void {
    const indication = new Message(methods.DATA, classes.INDICATION);
    indication.setAttribute('DATA', data).setAttribute('XOR-PEER-ADDRESS', peer);
    from.send(indication.bytes, this.#client, '127.0.0.1');
  }

  close(): void {
    this.#socket.close();
  }
}

let server: TurnServer | undefined;
let relay: TurnAllocation | undefined;

afterEach(async () => {
  vi.useRealTimers();
  await relay?.close();
  server?.close();
  relay = undefined;
  server = undefined;
});

async function opened(): Promise<{ server: TurnServer; relay: TurnAllocation }> {
  server = new TurnServer();
  await server.open();
  relay = await TurnAllocation.open({ address: ['127.0.0.1', server.port], username: 'u', password: 'p' });
  return { server, relay };
}

describe('what werift keeps to itself', () => {
  it('refresh is called once, with the lifetime that was granted, when the allocation is made', async () => {
    const transport: Transport = {
      type: 'udp',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: () => {},
      send: async (data) => {
        const request = parseMessage(data)!;
        const answer = new Message(request.messageMethod, classes.RESPONSE, request.transactionId);
        answer.setAttribute('XOR-RELAYED-ADDRESS', ['192.0.2.55', 7000]).setAttribute('LIFETIME', 321);
        queueMicrotask(() => transport.onData(answer.bytes, ['127.0.0.1', 1]));
      },
      close: async () => {},
    };
    const turn = new TurnProtocol(['127.0.0.1', 1], 'u', 'p', 600, transport);
    const internals = turn as unknown as TurnInternals;
    expect(typeof internals.refresh).toBe('function');
    const granted: unknown[] = [];
    internals.refresh = (lifetime) => granted.push(lifetime);
    await turn.connectionMade();
    expect(granted).toEqual([321]);
  });
});

describe('an allocation', () => {
  it('is known by its two addresses, and given back', async () => {
    const { server, relay } = await opened();
    expect(relay.relayed).toEqual(['192.0.2.55', 7000]);
    expect(relay.mapped[0]).toBe('127.0.0.1');
    await relay.close();
    expect(server.asked.at(-1)).toEqual({ method: methods.REFRESH, lifetime: 0 });
  });

  it('leaves no timer behind, whether it was made or not', async () => {
    const { relay } = await opened();
    await relay.close();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const { relay: second } = await opened();
    second.send(Buffer.alloc(9), 4000, '198.51.100.1');
    second.permit('198.51.100.2');
    await second.close();
    await vi.waitUntil(() => timers() <= before, 5000);
  });

  it('is refreshed before it ends', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { server } = await opened();
    await vi.advanceTimersByTimeAsync(499_000);
    expect(server.count(methods.REFRESH)).toBe(0);
    await vi.advanceTimersByTimeAsync(2000);
    vi.useRealTimers();
    await vi.waitUntil(() => server.count(methods.REFRESH) > 0, 5000);
  });

  it('passes packets both ways, and those of the server alone', async () => {
    const { server, relay } = await opened();
    const came: [string, string, number][] = [];
    relay.onPacket = (data, address, port) => came.push([String(data), address, port]);
    const stranger = createSocket('udp4');
    server.pass(Buffer.from('forged'), ['198.51.100.1', 4000], stranger);
    await new Promise((resolve) => setTimeout(resolve, 100));
    server.pass(Buffer.from('hello'), ['198.51.100.1', 4000]);
    await vi.waitUntil(() => came.length > 0, 5000);
    expect(came).toEqual([['hello', '198.51.100.1', 4000]]);
    stranger.close();
    relay.send(Buffer.from('back'), 4000, '198.51.100.1');
    await vi.waitUntil(() => server.count(methods.CHANNEL_BIND) === 1, 5000);
    relay.permit('198.51.100.9');
    await vi.waitUntil(() => server.count(methods.CREATE_PERMISSION) === 1, 5000);
  });
});
