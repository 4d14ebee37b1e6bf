import { SignJWT } from 'jose';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { loadConfig } from '../../src/config/load.ts';
import type { ServerMessage } from '../../src/server/messages.ts';
import { type DepthServer, startServer } from '../../src/server/server.ts';
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
      'server.tokens': [STATIC, { token: 'scraper-token', metrics: true }],
      'server.protect': ['publish', 'view', 'api', 'metrics'],
      'jwt.secret': SECRET,
      'jwt.clockTolerance': 0,
      'sources.scenes': ['room'],
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
    await until('the publisher', () => server.house.registry.sessions[0]?.peer.connected);
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

  it('a session ends when its token expires', async () => {
    const short = await token({ publish: ['cam-2'] }, 5);
    const { client, status } = await open('/whip/cam-2', short, 'sendonly');
    expect(status).toBe(201);
    await until('the end', () => server.house.registry.sessions.length === 0, 10_000);
    const reason = { kind: 'whip', reason: 'token expired' };
    expect(await metric(server, 'depthcast_session_ends_total', reason)).toBe(1);
    await client.close();
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
    socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', protocol: 1, ...hello })));
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
