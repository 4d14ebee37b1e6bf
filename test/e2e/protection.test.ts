import { existsSync, readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { PROTOCOL_VERSION } from '../../src/protocol/versions.ts';
import type { DepthServer } from '../../src/server/server.ts';
import { needs } from '../support/needs.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { metric, startApp, until } from './support/app.ts';

const SDP = 'application/sdp';
let server: DepthServer & { base: string };

beforeAll(async () => {
  server = await startApp({
    'limits.setupSeconds': 2,
    'limits.streams': 4,
    'limits.setupsPerAddress': 2,
    'limits.sessionsPerAddress': 3,
    'limits.requestsPerMinute': 200,
    'server.trustProxy': ['loopback'],
    'server.allowedOrigins': ['https://friend.example'],
    'server.names': ['named.example'],
  });
});
afterAll(() => server.close());

const rejected = (code: string) => metric(server, 'depthcast_rejected_total', { code });

/** Sends bytes and reads until the server ends the connection. */
function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(text));
    socket.setEncoding('utf8').on('data', (data) => (answer += data));
    socket.on('error', () => {}).on('close', () => resolve(answer));
    socket.on('end', () => socket.end());
  });
}

const upgrade = (target: string, headers: string[] = []) =>
  raw(
    [`GET ${target} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', ...headers, '', ''].join('\r\n'),
  );
const handshake = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=='];

describe('what is refused is answered out of the catalogue, and counted', () => {
  it.each([
    ['an address that is none', 'GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400, 'BAD_REQUEST'],
    [
      'a path beyond any',
      `POST /whip/${'x'.repeat(200)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      400,
      'BAD_REQUEST',
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 400, 'BAD_REQUEST'],
    [
      'a header flood',
      `GET / HTTP/1.1\r\nHost: x\r\n${'X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(1000)}\r\n`,
      431,
      'HEADERS_TOO_LARGE',
    ],
    [
      'two lengths',
      'POST /whip/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      400,
      'BAD_REQUEST',
    ],
    [
      'length and chunks',
      'POST /whip/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'BAD_REQUEST',
    ],
    [
      'a body announced too large',
      'POST /whip/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n',
      413,
      'BODY_TOO_LARGE',
    ],
    ['nothing there', 'GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404, 'NOT_FOUND'],
    ['/ws without an upgrade', 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 426, 'UPGRADE_REQUIRED'],
    [
      'an upgrade to another protocol',
      'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      426,
      'UPGRADE_REQUIRED',
    ],
    [
      'no SDP, in a POST that would rather have another protocol',
      'POST /whip/a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n',
      400,
      'BAD_SDP',
    ],
    [
      'a stream named .',
      'POST /whip/. HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\nConnection: close\r\n\r\nv=0\n',
      400,
      'BAD_REQUEST',
    ],
    [
      'a stream named ..',
      'POST /whip/.. HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\nConnection: close\r\n\r\nv=0\n',
      400,
      'BAD_REQUEST',
    ],
  ])('%s', async (_name, text, status, code) => {
    const before = await rejected(code);
    const answer = await raw(text);
    expect(answer.split('\r\n')[0]).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ code });
    expect(await rejected(code)).toBe(before + 1);
  });

  it('an upgrade that asks for another protocol elsewhere gets the plain answer', async () => {
    const answer = await raw(
      'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*live\n$/);
  });

  it('a file larger than any buffer comes whole although the client would rather have another protocol', async () => {
    const page = await (await fetch(server.base)).text();
    const entry = /src="\.([^"]+\.js)"/.exec(page)![1]!;
    // The view in space is loaded when it is opened: the largest of the page.
    const chunk = /space-view-[\w-]+\.js/.exec(await (await fetch(server.base + entry)).text())![0];
    const path = `/assets/${chunk}`;
    const file = await (await fetch(server.base + path)).text();
    expect(file.length).toBeGreaterThan(100_000);
    const answer = await raw(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n`,
    );
    expect(answer.endsWith(file)).toBe(true);
  });

  it.each([
    ['elsewhere', '/nope', handshake, 404, 'NOT_FOUND'],
    ['with a foreign origin', '/ws', [...handshake, 'Origin: https://foe.example'], 403, 'FORBIDDEN_ORIGIN'],
    ['without a key', '/ws', ['Sec-WebSocket-Version: 13'], 400, 'BAD_REQUEST'],
    ['of an old version', '/ws', ['Sec-WebSocket-Version: 6', handshake[1]!], 400, 'BAD_REQUEST'],
  ])('a WebSocket %s', async (_name, target, headers, status, code) => {
    const before = await rejected(code);
    const answer = await upgrade(target, headers);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain(`"${code}"`);
    expect(await rejected(code)).toBe(before + 1);
  });
});

describe('one client', () => {
  const publish = async (name: string, address: string) => {
    const client = await RtcClient.create({ direction: 'sendonly' });
    const response = await fetch(`${server.base}/whip/${name}`, {
      method: 'POST',
      headers: { 'content-type': SDP, 'x-forwarded-for': address },
      body: client.offerSdp,
    });
    return { client, status: response.status, response };
  };

  it('cannot hold every place with set-ups that never end; another still publishes', async () => {
    const before = await rejected('RATE_LIMITED');
    const ghosts = [await publish('a', '192.0.2.1'), await publish('b', '192.0.2.1'), await publish('c', '192.0.2.1')];
    expect(ghosts.map(({ status }) => status)).toEqual([201, 201, 429]);
    expect(Number(ghosts[2]!.response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await rejected('RATE_LIMITED')).toBe(before + 1);
    const other = await publish('d', '198.51.100.7');
    expect(other.status).toBe(201);
    // IPv6 neighbours are one client.
    expect((await publish('e', '2001:db8::1')).status).toBe(201);
    await until('the ghosts leaving', () => server.context.registry.streams.length === 0);
    expect((await publish('a', '192.0.2.1')).status).toBe(201);
    await Promise.all(server.context.registry.sessions.map((session) => session.close('test')));
    await Promise.all([...ghosts, other].map(({ client }) => client.close()));
  });

  it('cannot hold /ws with connections that say nothing more than hello', async () => {
    const open = (address: string) => {
      const socket = new WebSocket(`${server.base.replace('http', 'ws')}/ws`, {
        headers: { 'x-forwarded-for': address },
      });
      const opened = new Promise<number>((resolve) => {
        socket.once('open', () => resolve(101));
        socket.once('unexpected-response', (_request, response) => resolve(response.statusCode!));
        socket.on('error', () => {});
      });
      return { socket, opened };
    };
    const idle = [open('192.0.2.2'), open('192.0.2.2')];
    expect(await Promise.all(idle.map(({ opened }) => opened))).toEqual([101, 101]);
    expect(await open('192.0.2.2').opened).toBe(429);
    const ended = idle.map(({ socket }) => {
      socket.send(JSON.stringify({ type: 'hello', protocol: PROTOCOL_VERSION }));
      return new Promise<number>((resolve) => socket.once('close', resolve));
    });
    expect(await Promise.all(ended)).toEqual([1008, 1008]);
    await until('a free place', async () => {
      const next = open('192.0.2.2');
      const status = await next.opened;
      next.socket.close();
      return status === 101;
    });
  });

  it('asks only so often; probes are always answered', async () => {
    const ask = (path: string) => fetch(server.base + path, { headers: { 'x-forwarded-for': '192.0.2.3' } });
    const statuses = await Promise.all(Array.from({ length: 202 }, () => ask('/api/info').then((r) => r.status)));
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
    const refused = await ask('/nope');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask('/livez')).status).toBe(200);
  });
});

describe('a connection', () => {
  const open = () =>
    new Promise<Socket>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => resolve(socket));
    });
  /** A WebSocket's, without anything that would answer. */
  const openSession = async () => {
    const socket = await open();
    socket.write(
      ['GET /ws HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', ...handshake, '', ''].join('\r\n'),
    );
    await new Promise((resolve) => socket.once('data', resolve));
    return socket;
  };

  it('gets its pipelined requests answered in turn', async () => {
    const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const answer = await raw(
      `${request('/livez')}${request('/nope')}${request('/livez').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
  });

  it('that upgrades before an answer has come is cut, and the server goes on', async () => {
    const before = await rejected('BAD_REQUEST');
    const request = (...headers: string[]) => ['GET /livez HTTP/1.1', 'Host: x', ...headers, '', ''].join('\r\n');
    await raw(request() + request('Connection: Upgrade', 'Upgrade: websocket', ...handshake));
    expect(await rejected('BAD_REQUEST')).toBe(before + 1);
    expect((await fetch(`${server.base}/livez`)).status).toBe(200);
  });

  it('that floods without waiting for answers is cut', async () => {
    const before = await rejected('RATE_LIMITED');
    const socket = (await open()).on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    for (let i = 0; i < 20; i++) socket.write('GET /api/info HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(500));
    await closed;
    expect(await rejected('RATE_LIMITED')).toBe(before + 1);
  });

  // Linux says which files a process has open.
  it(
    'that reads no answer keeps no file open once it is gone',
    needs(existsSync('/proc/self/fd'), '/proc (Linux)'),
    async () => {
      const files = () => readdirSync('/proc/self/fd').length;
      const before = files();
      const sockets = await Promise.all(Array.from({ length: 20 }, open));
      for (const socket of sockets) {
        socket.pause();
        socket.write('GET /favicon.svg HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10));
      }
      await until('the requests', () => files() >= before + 20);
      for (const socket of sockets) socket.destroy();
      await until('every file closed', () => files() <= before + 5);
    },
  );

  it('that /ws has refused is ended although its client does not close', async () => {
    const before = await rejected('BAD_MESSAGE');
    const socket = await openSession();
    const closed = new Promise((resolve) => socket.resume().once('close', resolve));
    // A message of no bytes, masked.
    socket.write(Buffer.from([0x81, 0x80, 0, 0, 0, 0]));
    await until('the refusal', async () => (await rejected('BAD_MESSAGE')) === before + 1);
    await until('the end', () => socket.destroyed);
    await closed;
  });

  it('that goes on and on after /ws has refused it learns why, is read no further, and is ended', async () => {
    const socket = await openSession();
    let heard = '';
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {}).on('data', (data) => (heard += data.toString('latin1')));
    const messages = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from([0x81, 0x80, 0, 0, 0, 0])));
    // Far more than the kernels' buffers take: what is not read cannot all be sent.
    const timer = setInterval(() => socket.writableLength < 1e6 && socket.write(messages), 1);
    await until('the end', () => socket.destroyed);
    clearInterval(timer);
    await closed;
    expect(heard).toContain('BAD_MESSAGE');
  });

  it('that floods /ws with pings and reads nothing is ended', async () => {
    const before = await rejected('SLOW_CLIENT');
    const socket = await openSession();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {}).pause();
    const ping = Buffer.concat([Buffer.from([0x89, 0xfd]), Buffer.alloc(4 + 125)]);
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => ping));
    const timer = setInterval(() => socket.writableLength < 1e6 && socket.write(flood), 1);
    // Paused, it would not notice the end by itself.
    await until('the end', () => socket.destroyed || socket.errored);
    clearInterval(timer);
    socket.destroy();
    await closed;
    expect(await rejected('SLOW_CLIENT')).toBe(before + 1);
  });
});

describe('origins', () => {
  const ask = (path: string, headers: Record<string, string>, method = 'GET') =>
    fetch(server.base + path, { method, headers });

  it('the page and its files are for everybody; the API for its own site and those listed', async () => {
    const foe = { origin: 'https://foe.example' };
    const friend = { origin: 'https://friend.example' };
    expect((await ask('/livez', foe)).status).toBe(200);
    expect((await ask('/', foe)).status).toBe(200);
    expect((await ask('/api/info', foe)).status).toBe(403);
    const allowed = await ask('/api/info', friend);
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://friend.example');
    expect((await ask('/api/info', { origin: server.base })).status).toBe(200);
    // Behind a proxy, the site is what the proxy says.
    const proxied = {
      origin: 'https://depth.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'depth.example',
    };
    expect((await ask('/api/info', proxied)).status).toBe(200);
    expect((await ask('/api/info', { origin: 'https://depth.example' })).status).toBe(403);
  });

  it("a site whose name leads here is not the server's own", async () => {
    const port = String(server.port);
    const get = (path: string, host: string, ...more: string[]) =>
      raw([`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...more, '', ''].join('\r\n'));
    for (const host of [`foe.example:${port}`, 'localhost.foe.example', 'x', '198.51.100.1']) {
      const site = await get('/api/info', host, `Origin: http://${host}`);
      expect(site).toMatch(/^HTTP\/1\.1 403 [\s\S]*"FORBIDDEN_ORIGIN".*server\.names/);
      const ws = await upgrade('/ws', [...handshake, `Origin: http://x`]);
      expect(ws).toMatch(/^HTTP\/1\.1 403 [\s\S]*"FORBIDDEN_ORIGIN".*server\.names/);
      // A browser tells no origin where it takes the address for the page's own.
      for (const path of ['/api/info', '/metrics', '/%61pi/info'])
        expect(await get(path, host), path).toMatch(/^HTTP\/1\.1 421 [\s\S]*"UNKNOWN_HOST".*server\.names/);
      expect(await get('/livez', host)).toMatch(/^HTTP\/1\.1 200 /);
    }
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, '[::1]', 'named.example', 'NAMED.example:99']) {
      expect(await get('/api/info', host, `Origin: http://${host}`), host).toMatch(/^HTTP\/1\.1 200 /);
      expect(await get('/api/info', host), host).toMatch(/^HTTP\/1\.1 200 /);
    }
    // What a proxy says counts where it is the proxy that says it.
    expect(await get('/api/info', 'x', 'X-Forwarded-Host: depth.example')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each([
    ['none', []],
    ['two', ['Host: localhost', 'Host: foe.example']],
    ['two that agree', ['Host: localhost', 'HOST: localhost']],
    ['an empty one', ['Host:']],
    ['one that is no host', ['Host: a b']],
    ['one with credentials', ['Host: user@localhost']],
    ['a list', ['Host: localhost, foe.example']],
  ])('a request with %s instead of one Host header is refused', async (_name, hosts) => {
    for (const path of ['/api/info', '/', '/livez', '/nothing']) {
      const answer = await raw([`GET ${path} HTTP/1.1`, ...hosts, 'Connection: close', '', ''].join('\r\n'));
      expect(answer, path).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(await raw('GET /livez HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each([
    ['with an escape', '/%77s'],
    ['as an absolute address', 'http://x/ws'],
    ['with a query', '/ws?a'],
  ])('/ws is guarded %s too', async (_name, target) => {
    const answer = await upgrade(target, [...handshake, 'Origin: https://foe.example', 'Connection: close']);
    expect(answer).toMatch(/^HTTP\/1\.1 403 [\s\S]*"FORBIDDEN_ORIGIN"/);
  });

  it.each(['/%61pi/info', '/w%68ip/cam', '/%77hep/cam', '/s%65ssion/x'])('%s is guarded too', async (path) => {
    for (const method of ['GET', 'OPTIONS'])
      expect((await ask(path, { origin: 'https://foe.example' }, method)).status, method).toBe(403);
  });

  it.each(['/whip/cam', '/whep/cam', '/session/x', '/api/info'])('preflights of %s are answered', async (path) => {
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
    const allowed = await ask(path, { origin: 'https://friend.example', ...asked }, 'OPTIONS');
    expect([200, 204]).toContain(allowed.status);
    expect(allowed.headers.get('access-control-allow-headers')).toMatch(/authorization.*content-type.*if-match/);
    expect(allowed.headers.get('access-control-allow-methods')).toMatch(/POST.*PATCH.*DELETE/);
    expect((await ask(path, { origin: 'https://foe.example', ...asked }, 'OPTIONS')).status).toBe(403);
  });
});
