import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MediaStream, RTCPeerConnection } from 'werift';
import { WebSocket } from 'ws';
import { connect } from './connect.ts';
import type { DepthError } from './errors.ts';
import { DepthSession } from './session.ts';
import { silentStream, type TestClient, TestServer } from './test-server.ts';
import type { SessionOptions, SessionState } from './types.ts';

// Browser interfaces of the ws and werift packages: real sockets, ICE, DTLS and SCTP on both sides.
beforeAll(() => {
  vi.stubGlobal('WebSocket', WebSocket);
  vi.stubGlobal('MediaStream', MediaStream);
  vi.stubGlobal('RTCPeerConnection', RTCPeerConnection);
});
afterAll(() => void vi.unstubAllGlobals());

const QUICK = { attempts: 3, initial: 20, max: 50 };

describe('DepthSession', () => {
  let server: TestServer;
  let session: DepthSession | undefined;
  beforeEach(async () => {
    server = await TestServer.start();
  });
  afterEach(async () => {
    session?.close();
    await server.close();
  });

  function open(options: Partial<SessionOptions> = {}) {
    const states: SessionState[] = [];
    const errors: DepthError[] = [];
    const opened = new DepthSession({
      server: server.url,
      source: silentStream(),
      retry: QUICK,
      onState: (state) => states.push(state),
      onError: (error) => errors.push(error),
      ...options,
    });
    session = opened;
    const until = (name: SessionState['name']) =>
      new Promise<SessionState>((resolve) => {
        const stop = opened.on('state', (state) => {
          if (state.name !== name) return;
          stop();
          resolve(state);
        });
      });
    return { session: opened, states, errors, until, names: () => states.map(({ name }) => name) };
  }

  const withChannel = async (index: number): Promise<TestClient> => {
    const client = await server.client(index);
    await client.until(() => client.channel?.readyState === 'open');
    return client;
  };

  it('connects, receives depth frames and server messages, and closes', async () => {
    const live = await connect({ server: server.url, source: silentStream(), output: { data: 'u16', size: 128 } });
    session = live;
    expect(live.server).toMatchObject({ name: 'test 0', device: 'CPU' });
    const client = await withChannel(0);
    const offer = client.received.find(({ type }) => type === 'offer');
    expect(offer).toMatchObject({ output: { data: 'u16', size: 128 } });
    expect(offer?.type === 'offer' && offer.sdp).toMatch(/m=video[\s\S]*a=sendrecv[\s\S]*m=application/);
    const { label, maxRetransmits } = client.channel!;
    expect({ label, maxRetransmits }).toEqual({ label: 'depth', maxRetransmits: 1 });
    await vi.waitFor(() => expect(live.output).toMatchObject({ size: 128 }));

    const received = new Promise((resolve) => live.on('depth', resolve));
    await client.sendFrame(5);
    expect(await received).toMatchObject({ frameId: 5, rtpTimestamp: 15_000, width: 4, height: 3 });
    expect(live.history.byRtpTimestamp(15_000)?.frameId).toBe(5);

    live.close();
    expect(live.state).toEqual({ name: 'closed' });
    await client.until(() => client.closed);
    expect(client.types().at(-1)).toBe('bye');
  });

  it('connect rejects at once when the server is not there, is full or speaks another protocol', async () => {
    server.answer = (client) =>
      client.send({ type: 'error', code: 'BUSY', message: 'full', fatal: true, retryAfter: 9 });
    const options = { server: server.url, source: silentStream() };
    await expect(connect(options)).rejects.toMatchObject({ code: 'BUSY', retryAfter: 9 });
    await expect(connect({ ...options, server: 'nonsense' })).rejects.toMatchObject({ code: 'BAD_ADDRESS' });
    const { port } = server;
    await server.close();
    await expect(connect(options)).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
    server = await TestServer.start(port);
  });

  it('refuses a camera that the server would end the session for', async () => {
    const options = { server: server.url, source: silentStream() };
    await expect(connect({ ...options, camera: { hfov: 300 } })).rejects.toThrow(RangeError);
    const { until, session } = open();
    await until('live');
    const client = await server.client(0);
    for (const camera of [
      { hfov: Number.NaN },
      { fx: 0, fy: 1, cx: 1, cy: 1 },
      { fx: 9, fy: 9, cx: 9, cy: 9, width: 640 },
    ])
      expect(() => session.setCamera(camera)).toThrow(RangeError);
    session.setCamera({ hfov: 70 });
    await client.until(() => client.received.some((message) => message.type === 'settings' && 'camera' in message));
    expect(client.received.filter((message) => message.type === 'settings' && message.camera !== undefined)).toEqual([
      { type: 'settings', camera: { hfov: 70 } },
    ]);
    session.close();
  });

  it('connect can be given up', async () => {
    server.answer = () => {};
    const controller = new AbortController();
    const opening = connect({ server: server.url, source: silentStream(), signal: controller.signal });
    await server.client(0);
    controller.abort();
    await expect(opening).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('comes back with a new peer after the connection was dropped, and keeps its settings', async () => {
    const { until, names, errors, session } = open();
    await until('live');
    const first = await withChannel(0);
    session.update({ data: 'f16' });
    await vi.waitFor(() => expect(session.output?.data).toBe('f16'));
    const back = until('live');
    first.drop();
    await back;
    const second = await withChannel(1);
    expect(second.received.find(({ type }) => type === 'offer')).toMatchObject({ output: { data: 'f16' } });
    expect(names()).toEqual(['live', 'reconnecting', 'reconnecting', 'live']);
    expect(errors.map(({ code }) => code)).toEqual(['CONNECTION_LOST']);
    const received = new Promise((resolve) => session.on('depth', resolve));
    await second.sendFrame(1);
    expect(await received).toMatchObject({ frameId: 1 });
  });

  it('shows a newer token at once, and at the next reconnect', async () => {
    const { until, session } = open();
    await until('live');
    const first = await server.client(0);
    session.renewToken('newer-token');
    await first.until(() => first.types().includes('token'));
    expect(first.received.at(-1)).toEqual({ type: 'token', token: 'newer-token' });
    const back = until('live');
    first.drop();
    await back;
    expect((await server.client(1)).received[0]).toMatchObject({ type: 'hello', token: 'newer-token' });
  });

  it('gives up after as many attempts as its policy allows', async () => {
    server.answer = (client) => client.drop();
    const { until, states, errors, session } = open();
    await until('failed');
    expect(server.clients).toHaveLength(1 + QUICK.attempts);
    expect(errors).toHaveLength(1 + QUICK.attempts);
    expect(states.filter((s) => s.name === 'reconnecting').map(({ attempt }) => attempt)).toEqual([1, 1, 2, 2, 3, 3]);
    expect(states.at(-1)).toMatchObject({ name: 'failed', error: { code: 'CONNECTION_LOST' } });
    expect(session.state.name).toBe('failed');
  });

  it('waits as long as the server asks, unless it is told to hurry', async () => {
    server.answer = (client, message) => {
      if (server.clients.length > 1) return client.serve(message);
      client.send({ type: 'error', code: 'BUSY', message: 'full', fatal: true, retryAfter: 60 });
    };
    const { until, session } = open();
    const state = await until('reconnecting');
    expect(state).toMatchObject({ attempt: 1, error: { code: 'BUSY' } });
    expect(state.name === 'reconnecting' && state.retryAt).toBeGreaterThan(Date.now() + 50_000);
    const live = until('live');
    session.retryNow();
    await live;
  });

  it('does not try again what cannot get better', async () => {
    server.answer = (client) => client.send({ type: 'error', code: 'UNAUTHORIZED', message: 'no token', fatal: true });
    const { until } = open();
    expect(await until('failed')).toMatchObject({ error: { code: 'UNAUTHORIZED' } });
    expect(server.clients).toHaveLength(1);
  });

  it('drops a setting that the server refuses', async () => {
    server.answer = (client, message) => {
      if (message.type === 'settings' && message.output?.size === 999)
        client.send({ type: 'error', code: 'BAD_SIZE', message: 'no', fatal: false, about: 'settings' });
      else return client.serve(message);
    };
    const { until, errors, session } = open();
    await until('live');
    await vi.waitFor(() => expect(session.output).toBeDefined());
    session.update({ size: 999 });
    await vi.waitFor(() => expect(errors.map(({ code }) => code)).toEqual(['BAD_SIZE']));
    expect(session.state.name).toBe('live');
    const back = until('live');
    (await server.client(0)).drop();
    await back;
    const offer = (await server.client(1)).received.find(({ type }) => type === 'offer');
    expect(offer).toMatchObject({ output: { size: 256 } });
  });

  it('keeps a setting when the server has trouble with something else before it confirms', async () => {
    server.answer = (client, message) => {
      if (message.type === 'settings' && message.output?.size === 128)
        client.send({ type: 'error', code: 'TRACK_PAUSED', message: 'slow', fatal: false, about: 'track' });
      return client.serve(message);
    };
    const { until, errors, session } = open();
    await until('live');
    await vi.waitFor(() => expect(session.output).toBeDefined());
    session.update({ size: 128 });
    await vi.waitFor(() => expect(session.output?.size).toBe(128));
    expect(errors.map(({ code, about }) => [code, about])).toEqual([['TRACK_PAUSED', 'track']]);
    const back = until('live');
    (await server.client(0)).drop();
    await back;
    const offer = (await server.client(1)).received.find(({ type }) => type === 'offer');
    expect(offer).toMatchObject({ output: { size: 128 } });
  });

  it('leaves nothing behind when it is closed while it waits or connects', async () => {
    server.answer = (client) =>
      client.send({ type: 'error', code: 'BUSY', message: 'full', fatal: true, retryAfter: 60 });
    const { until, session, names } = open();
    await until('reconnecting');
    session.close();
    session.close();
    expect(names().at(-1)).toBe('closed');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.clients).toHaveLength(1);

    server.answer = () => {};
    const connecting = open().session;
    const client = await server.client(1);
    connecting.close();
    await client.until(() => client.closed);
  });

  it('a listener that throws disturbs nobody', async () => {
    const thrown: unknown[] = [];
    const catcher = (error: unknown) => thrown.push(error);
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', catcher);
    try {
      const { until } = open({
        onState: ({ name }) => {
          if (name === 'live') throw new Error('in a listener');
        },
      });
      await until('live');
      await vi.waitFor(() => expect(thrown).toHaveLength(1));
    } finally {
      process.off('uncaughtException', catcher);
      for (const listener of others) process.on('uncaughtException', listener);
    }
  });
});
