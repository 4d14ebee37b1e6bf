import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { metric, startApp, until } from './support/app.ts';
import { launchBrowser, SMALL_PAGE } from './support/browser.ts';

let server: DepthServer & { base: string };
let browser: Browser;
const cache = mkdtempSync(join(tmpdir(), 'depthcast-cache-'));
const { XDG_CACHE_HOME } = process.env;

beforeAll(async () => {
  process.env['XDG_CACHE_HOME'] = cache;
  server = await startApp({ 'tls.generate': true });
  browser = await launchBrowser();
});
afterAll(async () => {
  if (XDG_CACHE_HOME === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = XDG_CACHE_HOME;
  rmSync(cache, { recursive: true });
  await browser.close();
  await server.close();
});

it('serves the page over https, whose sessions go over wss', async () => {
  expect(server.url).toBe(`https://localhost:${server.port}`);
  const page = await browser.newPage({ ...SMALL_PAGE, ignoreHTTPSErrors: true });
  await page.goto(`${server.url}/bench?source=scene:room&fps=10&autostart=1`);
  await page.waitForFunction(() => window.depthcast.frames > 10, undefined, { timeout: 60_000 });
  expect(await page.evaluate(() => window.isSecureContext)).toBe(true);
  await page.close();
});

/** What one sends over TCP, and gets before the end. */
function raw(text: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(server.port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (data) => (answer += data.toString('latin1')));
    socket.on('error', () => {}).on('close', () => resolve(answer));
  });
}

it('sends plain http, and plain ws, to https', async () => {
  const get = (path: string, more = '') =>
    raw(`GET ${path} HTTP/1.1\r\nHost: depth.local:${server.port}\r\n${more}\r\n`);
  const answer = await get('/?source=camera');
  expect(answer).toMatch(/^HTTP\/1\.1 308 /);
  expect(answer.toLowerCase()).toContain(`location: https://depth.local:${server.port}/?source=camera\r\n`);
  expect(await get('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')).toMatch(/^HTTP\/1\.1 308 /);
  expect(await raw('GET / HTTP/1.0\r\nHost: a"b<c>\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*speaks https/);
  expect(await raw('SSH-2.0-x\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
});

it('survives invalid handshakes, and counts them', async () => {
  const before = await metric(server, 'depthcast_rejected_total', { code: 'BAD_REQUEST' });
  await raw(Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]));
  await until(
    'the count',
    async () => (await metric(server, 'depthcast_rejected_total', { code: 'BAD_REQUEST' })) > before,
  );
  const old = await new Promise<string>((resolve) => {
    connectTls({
      port: server.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
      .on('secureConnect', () => resolve('connected'))
      .on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? ''));
  });
  expect(old).not.toBe('connected');
});

it('frees and counts connections whose handshake takes too long', async () => {
  const late = () => metric(server, 'depthcast_rejected_total', { code: 'REQUEST_TIMEOUT' });
  const before = await late();
  const beginnings = [
    [0x16, 3, 1],
    [0x16, 3, 1, 2, 0],
    [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2],
  ];
  const sockets = Array.from({ length: 30 }, (_, n) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(Buffer.from(beginnings[n % 3]!)));
    return socket.on('error', () => {});
  });
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  await until('the count', async () => (await late()) === before + 30);
});

it('closes although connections stand open that never said a byte', async () => {
  const own = await startApp({ 'tls.generate': true });
  const sockets = [1, 2, 3].map(() => connect(own.port, '127.0.0.1').on('error', () => {}));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  const gone = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  await own.close();
  await gone;
});
