import { SignJWT } from 'jose';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { loadConfig } from '../../src/config/load.ts';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/versions.ts';
import { type DepthServer, startServer } from '../../src/server/server.ts';
import { Publisher } from '../../src/session/publisher.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { metric, until } from './support/app.ts';

const SECRET = 'a shared secret of forty characters, about';
const STATIC = 'static-token-of-the-operator';
let server: DepthServer;
let base: string;
let log = '';

beforeAll(async () => {
  const config = loadConfig({
    overrides: {
      'server.port': 0,
      'server.mediaWorkers': 0,
      'server.tokens': [STATIC, { token: 'scraper-token', metrics: true }],
      'server.protect': ['publish', 'view', 'api', 'metrics'],
      'jwt.secret': SECRET,
      'jwt.clockTolerance': 0,
      'sources.scenes': ['room'],
      'sources.apiHosts': ['127.0.0.1'],
      'rtc.iceServers': [{ urls: 'turn:127.0.0.1:3478', username: 'u', credential: 'c' }],
    },
  });
  server = await startServer({
    config,
    version: 'test',
    log: pino({ level: 'trace' }, { write: (line) => (log += line) }),
  });
  base = `http://127.0.0.1:${server.port}`;
});
afterAll(() => server.close());

/** A token with these rights; seconds it lasts. */
const token = (depthcast: Record<string, unknown>, seconds = 60) =>
  new SignJWT({ depthcast })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
    .sign(new TextEncoder().encode(SECRET));

const request = (path: string, bearer: string | undefined, init: RequestInit = {}) =>
  fetch(base + path, {
    ...init,
    headers: { 'content-type': 'application/sdp', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) },
  });

describe('WHIP and WHEP', () => {
  const open = async (path: string, bearer: string | undefined, direction: 'sendonly' | 'recvonly') => {
    const client = await RtcClient.create({ direction });
    const response = await request(path, bearer, { method: 'POST', body: client.offerSdp });
    if (response.status === 201) client.accept(await response.text());
    return { client, status: response.status, url: response.headers.get('location')!, headers: response.headers };
  };

  it('publish and view what the token names, connect, and end with the same right', async () => {
    const publisher = await token({ publish: ['cam-*'] });
    const refused = await open('/whip/lobby', publisher, 'sendonly');
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope"');
    const anonymous = await open('/whip/cam-1', undefined, 'sendonly');
    expect([anonymous.status, anonymous.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const forged = await open('/whip/cam-1', `${publisher}x`, 'sendonly');
    expect([forged.status, forged.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"']);

    const first = await open('/whip/cam-1', publisher, 'sendonly');
    expect(first.status).toBe(201);
    await until('the publisher', () => server.context.registry.sessions[0]?.peer.connected);
    const viewer = await token({ view: ['scene-room'] });
    expect((await open('/whep/cam-1', viewer, 'recvonly')).status).toBe(403);
    const watching = await open('/whep/scene-room', viewer, 'recvonly');
    expect(watching.status).toBe(201);
    await until('depth for the viewer', () => watching.client.receiver?.getStats().packets);

    expect((await request(first.url, viewer, { method: 'DELETE' })).status).toBe(403);
    expect((await request(first.url, undefined, { method: 'DELETE' })).status).toBe(401);
    expect((await request('/session/AAAAAAAAAAAAAAAAAAAAAA', undefined, { method: 'DELETE' })).status).toBe(401);
    expect((await request('/session/AAAAAAAAAAAAAAAAAAAAAA', viewer, { method: 'DELETE' })).status).toBe(404);
    expect((await request(first.url, publisher, { method: 'DELETE' })).status).toBe(200);
    expect((await request(watching.url, viewer, { method: 'DELETE' })).status).toBe(200);
    await Promise.all([first, watching, refused, anonymous, forged].map(({ client }) => client.close()));
  });

  it('a session ends when its token expires, unless a newer one was shown by PATCH', async () => {
    const short = await token({ publish: ['cam-2', 'cam-3'] }, 8);
    const ending = await open('/whip/cam-2', short, 'sendonly');
    const lasting = await open('/whip/cam-3', short, 'sendonly');
    expect([ending.status, lasting.status]).toEqual([201, 201]);
    const renew = async (bearer: string, etag: string) => {
      const headers = {
        authorization: `Bearer ${bearer}`,
        'content-type': 'application/trickle-ice-sdpfrag',
        'if-match': etag,
      };
      const body = lasting.client.offerSdp.match(/^a=ice-(ufrag|pwd):.*$/gm)!.join('\r\n');
      return (await fetch(base + lasting.url, { method: 'PATCH', headers, body })).status;
    };
    const etag = lasting.headers.get('etag')!;
    expect(await renew(await token({ publish: ['cam-2'] }), etag)).toBe(403);
    expect(await renew(await token({ publish: ['cam-3'] }), '"old"')).toBe(412);
    expect(await renew(await token({ publish: ['cam-3'] }), etag)).toBe(204);
    // One that ends sooner than what was shown before takes nothing away.
    expect(await renew(await token({ publish: ['cam-3'] }, 30), etag)).toBe(204);
    await until('the end of one', () => server.context.registry.sessions.length === 1);
    expect(server.context.registry.sessions[0]?.stream.name).toBe('cam-3');
    const reason = { kind: 'whip', reason: 'token expired' };
    expect(await metric(server, 'depthcast_session_ends_total', reason)).toBe(1);
    expect((await request(lasting.url, await token({ publish: ['cam-3'] }), { method: 'DELETE' })).status).toBe(200);
    await Promise.all([ending.client.close(), lasting.client.close()]);
  });

  it('a token that expires while its session is set up leaves nothing behind', async () => {
    const { open: setUp } = Publisher;
    const spy = vi.spyOn(Publisher, 'open');
    const [client, rights] = [await RtcClient.create({ direction: 'sendonly' }), { publish: ['cam-4'] }];
    // More often than one address may have sessions in their set-up.
    for (let n = 0; n <= server.context.config.limits.setupsPerAddress; n++) {
      const short = await token(rights);
      spy.mockImplementationOnce(async (...given) => {
        const session = await setUp.apply(Publisher, given);
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
        return session;
      });
      const late = await request('/whip/cam-4', short, { method: 'POST', body: client.offerSdp });
      vi.useRealTimers();
      expect([late.status, server.context.registry.sessions.length]).toEqual([401, 0]);
    }
    spy.mockRestore();
    const inTime = await open('/whip/cam-4', await token(rights), 'sendonly');
    expect(inTime.status).toBe(201);
    expect((await request(inTime.url, await token(rights), { method: 'DELETE' })).status).toBe(200);
    await Promise.all([client.close(), inTime.client.close()]);
  });

  it('names TURN servers and their credentials only to those who may use them', async () => {
    const links = async (bearer: string | undefined) =>
      (await request('/whip/cam-1', bearer, { method: 'OPTIONS' })).headers.get('link');
    expect(await links(undefined)).toBeNull();
    expect(await links(await token({ publish: ['other'] }))).toBeNull();
    expect(await links(await token({ publish: ['cam-1'] }))).toContain('credential="c"');
  });
});

describe('/ws', () => {
  /** Connects, says hello, and gives the first answer. */
  async function greet(hello: Record<string, unknown>, headers: Record<string, string> = {}): Promise<string> {
    const socket = new WebSocket(`${base.replace('http', 'ws')}/ws`, { headers });
    const answer = new Promise<string>((resolve) => {
      socket.on('message', (text) => {
        const message = JSON.parse(String(text)) as ServerMessage;
        resolve(message.type === 'error' ? message.code : message.type);
      });
      socket.on('unexpected-response', (_request, response) => resolve(String(response.statusCode)));
      socket.on('error', () => {});
    });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', protocol: PROTOCOL_VERSION, ...hello })));
    const first = await answer;
    socket.close();
    return first;
  }

  it('takes the token of hello, or that of the request', async () => {
    const good = await token({ duplex: true });
    const poor = await token({ publish: ['cam-*'] });
    expect(await greet({})).toBe('UNAUTHORIZED');
    expect(await greet({ token: 'wrong-token' })).toBe('UNAUTHORIZED');
    expect(await greet({ token: poor })).toBe('FORBIDDEN');
    expect(await greet({ token: good })).toBe('welcome');
    expect(await greet({ token: STATIC })).toBe('welcome');
    expect(await greet({}, { authorization: `Bearer ${good}` })).toBe('welcome');
    expect(await greet({}, { authorization: `Bearer ${poor}` })).toBe('403');
    expect(await greet({}, { authorization: 'Bearer wrong-token' })).toBe('401');
  });
});

describe('a two-way session', () => {
  /** One whose set-up is complete, and what the server says in it from then on. */
  async function start(hello: string) {
    const socket = new WebSocket(`${base.replace('http', 'ws')}/ws`);
    const said: ServerMessage[] = [];
    const client = await RtcClient.create({ data: true });
    socket.on('message', (text) => {
      const message = JSON.parse(String(text)) as ServerMessage;
      if (message.type === 'welcome') socket.send(JSON.stringify({ type: 'offer', sdp: client.offerSdp }));
      if (message.type === 'answer') client.accept(message.sdp);
      if (message.type !== 'stats') said.push(message);
    });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', protocol: PROTOCOL_VERSION, token: hello })));
    await until('the answer', () => said.some(({ type }) => type === 'settings'));
    const ask = async (text: string) => {
      const before = said.length;
      socket.send(JSON.stringify({ type: 'token', token: text }));
      await until('an answer to the token', () => said.length > before);
      return said[before]!;
    };
    const close = async () => {
      socket.close();
      await client.close();
    };
    return { said, ask, close, ended: () => socket.readyState === socket.CLOSED };
  }

  it('outlasts its first token where it shows a newer one, and survives one that is refused', async () => {
    const short = await token({ duplex: true }, 8);
    const [ending, lasting] = await Promise.all([start(short), start(short)]);
    expect(await lasting.ask('wrong-token')).toMatchObject({ type: 'error', code: 'UNAUTHORIZED', fatal: false });
    expect(await lasting.ask(await token({ view: ['*'] }))).toMatchObject({ code: 'FORBIDDEN', fatal: false });
    const now = Date.now() / 1000;
    const renewed = await lasting.ask(await token({ duplex: true }));
    expect(renewed).toMatchObject({ type: 'token', expires: expect.any(Number) });
    expect((renewed as { expires: number }).expires).toBeGreaterThan(now + 30);
    await until('the end of the other', ending.ended);
    expect(ending.said.at(-1)).toMatchObject({ type: 'error', code: 'UNAUTHORIZED', fatal: true });
    expect(lasting.ended()).toBe(false);
    expect(await lasting.ask(STATIC)).toEqual({ type: 'token', expires: null });
    await Promise.all([ending.close(), lasting.close()]);
    await until('the end', () => server.context.registry.sessions.length === 0);
  });
});

it('a source that was asked for ends with its token, unless a newer one is shown', async () => {
  const short = await token({ publish: ['gate', 'yard'] }, 4);
  const ask = (method: string, path: string, bearer: string, body?: unknown) =>
    fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${bearer}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  for (const name of ['gate', 'yard'])
    expect((await ask('POST', '/api/sources', short, { name, url: 'rtsp://127.0.0.1:1/x' })).status).toBe(201);
  expect((await ask('PATCH', '/api/sources/yard', await token({ publish: ['gate'] }))).status).toBe(403);
  expect((await ask('PATCH', '/api/sources/yard', await token({ publish: ['yard'] }))).status).toBe(200);
  const status = async (name: string) => (await ask('GET', `/api/sources/${name}`, STATIC)).status;
  await until('the end of the one', async () => (await status('gate')) === 404);
  expect(server.context.registry.isTaken('gate')).toBe(false);
  expect(await status('yard')).toBe(200);
  expect((await ask('DELETE', '/api/sources/yard', STATIC)).status).toBe(204);
});

it('guards the API and the metrics, where that is asked for', async () => {
  const status = async (path: string, bearer?: string) => (await request(path, bearer)).status;
  expect([await status('/metrics'), await status('/api/info'), await status('/livez')]).toEqual([401, 401, 200]);
  expect([await status('/metrics', 'scraper-token'), await status('/api/info', 'scraper-token')]).toEqual([200, 403]);
  expect(await status('/api/info', await token({ api: true }))).toBe(200);
});

it('leaves no token in the log', () => {
  expect(log).toContain('session');
  for (const secret of [STATIC, 'scraper-token', SECRET, 'wrong-token', 'eyJ']) expect(log).not.toContain(secret);
});

describe('settings', () => {
  it('whose keys cannot be read change nothing when they are loaded again', async () => {
    const next = loadConfig({
      overrides: { 'server.tokens': [], 'jwt.secret': null, 'jwt.publicKey': '/nonexistent.pem' },
    });
    expect(() => server.reload(next)).toThrowError(expect.objectContaining({ code: 'BAD_CONFIG' }));
    expect((await request('/api/info', undefined)).status).toBe(401);
    expect((await request('/api/info', STATIC)).status).toBe(200);
  });
});
