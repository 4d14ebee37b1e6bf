import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { DepthError } from './errors.ts';
import { browserPlatform } from './platform.ts';
import { Signalling, type SignallingHandlers, type SignallingMessage, signallingUrl } from './signalling.ts';
import { TestServer, welcome } from './test-server.ts';

beforeAll(() => void vi.stubGlobal('WebSocket', WebSocket));
afterAll(() => void vi.unstubAllGlobals());

describe('signallingUrl', () => {
  it.each([
    ['http://localhost:8080/', 'ws://localhost:8080/ws'],
    ['https://a.example/depth/?x=1#y', 'wss://a.example/depth/ws?x=1'],
    ['ws://a.example/ws', 'ws://a.example/ws'],
    ['wss://a.example', 'wss://a.example/ws'],
  ])('%s is reached at %s', (server, url) => {
    expect(signallingUrl(server).href).toBe(url);
  });

  it.each(['', 'localhost:8080', 'ftp://a.example', '//x'])('refuses "%s"', (server) => {
    expect(() => signallingUrl(server)).toThrow(expect.objectContaining({ code: 'BAD_ADDRESS' }));
  });
});

describe('Signalling', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start();
  });
  afterEach(() => server.close());

  const open = (handlers: Partial<SignallingHandlers> = {}, signal = new AbortController().signal, token?: string) =>
    Signalling.open(
      { platform: browserPlatform(), url: signallingUrl(server.url), client: 'test', token },
      { message() {}, lost() {}, ...handlers },
      signal,
    );

  /** A connection that is greeted, and the promise of what ends it. */
  async function greeted() {
    const messages: SignallingMessage[] = [];
    let lose!: (error: DepthError) => void;
    const lost = new Promise<DepthError>((resolve) => {
      lose = resolve;
    });
    const { signalling } = await open({ message: (m) => messages.push(m), lost: lose });
    return { signalling, lost, messages, client: await server.client(0) };
  }

  it('says hello, takes the welcome, measures the round trip, sends bye', async () => {
    const { signalling, welcome: greeting } = await open({}, undefined, 'secret');
    expect(greeting).toEqual(welcome());
    const client = await server.client(0);
    await client.until(() => client.types().includes('ping'));
    expect(client.received[0]).toEqual({ type: 'hello', protocol: 2, client: 'test', token: 'secret' });
    await vi.waitFor(() => expect(signalling.roundTrip).toBeGreaterThan(0));
    signalling.close();
    signalling.close();
    await client.until(() => client.closed);
    expect(client.types().at(-1)).toBe('bye');
  });

  it('reports a server that is not there', async () => {
    await server.close();
    await expect(open()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
    server = await TestServer.start();
  });

  it('reports a server of another protocol', async () => {
    server.answer = (client) => client.send(welcome(1));
    await expect(open()).rejects.toMatchObject({ code: 'PROTOCOL_VERSION', retryable: false });
  });

  it('reports something else that answers', async () => {
    server.answer = (client) => client.send('<html>');
    await expect(open()).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
  });

  it('passes on why it was refused and when to come back', async () => {
    server.answer = (client) =>
      client.send({ type: 'error', code: 'BUSY', message: 'It is full', fatal: true, retryAfter: 7 });
    await expect(open()).rejects.toMatchObject({ code: 'BUSY', message: 'It is full', retryAfter: 7, retryable: true });
  });

  it('can be given up while it connects', async () => {
    server.answer = () => {};
    const controller = new AbortController();
    const opening = open({}, controller.signal);
    await (await server.client(0)).until(() => true);
    controller.abort();
    await expect(opening).rejects.toMatchObject({ code: 'CLOSED' });
    const client = await server.client(0);
    await client.until(() => client.closed);
  });

  it('hands on messages in order and passes over those it does not know', async () => {
    const { client, messages } = await greeted();
    client.send({ type: 'error', code: 'BAD_SIZE', message: 'no', fatal: false });
    client.send('{"type":"hologram"}');
    client.send({ type: 'answer', sdp: 'v=0' });
    await vi.waitFor(() => expect(messages.map(({ type }) => type)).toEqual(['error', 'answer']));
  });

  it.each([
    ['a dropped connection', 'CONNECTION_LOST', undefined],
    ['closing', 'ENDED_BY_SERVER', 5],
    ['a fatal error', 'WORKER_DIED', undefined],
    ['rubbish', 'BAD_MESSAGE', undefined],
  ] as const)('%s ends it with %s', async (how, code, retryAfter) => {
    const { client, lost } = await greeted();
    if (how === 'closing') client.send({ type: 'closing', reason: 'drain', retryAfter: 5 });
    else if (how === 'a fatal error') client.send({ type: 'error', code, message: 'it died', fatal: true });
    else if (how === 'rubbish') client.send('{');
    else client.drop();
    expect(await lost).toMatchObject({ code, retryAfter });
  });
});
