import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { pino } from 'pino';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROGRAM } from '../support/program.ts';
import { SMALL_DEPTH, startApp, until } from './support/app.ts';
import { FAKE_CAMERA, launchBrowser, SMALL_PAGE } from './support/browser.ts';

const root = new URL('../..', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'depthcast-operate-'));
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser({ fps: 10 });
});
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** Posts an offer that no one can use: how it is refused tells whether the token and the state of the server let it in. */
const knock = (base: string, headers: Record<string, string> = {}) =>
  fetch(`${base}/whip/knock`, {
    method: 'POST',
    body: 'v=0',
    headers: { 'content-type': 'application/sdp', ...headers },
  });

/** Exit status of a container's health check. */
async function healthcheck(url: string): Promise<number> {
  const child = spawn(process.execPath, ['docker/healthcheck.mjs'], {
    cwd: root,
    stdio: 'ignore',
    env: { ...process.env, HEALTHCHECK_URL: url },
  });
  return ((await once(child, 'exit')) as [number])[0];
}

describe('the serve command', () => {
  let child: ChildProcess;
  let out = '';
  const file = join(folder, 'settings.yaml');
  const serve = (...args: string[]) => {
    child = spawn(process.execPath, [...PROGRAM, 'serve', '--config', file, ...args], {
      cwd: root,
      env: { ...process.env, DEPTHCAST_SERVER_PORT: '0' },
    });
    out = '';
    child.stdout!.on('data', (data) => (out += String(data)));
    child.stderr!.on('data', (data) => (out += String(data)));
  };
  const base = () =>
    until('the server', () => /http:\/\/localhost:\d+/.exec(out)?.[0].replace('localhost', '127.0.0.1'), 60_000);
  const code = async () => child.exitCode ?? ((await once(child, 'exit')) as [number])[0];

  it('prints the settings in force, without secrets', async () => {
    writeFileSync(file, 'server: { tokens: [first-secret] }\nlimits: { streams: 3 }\n');
    serve('--print-config', '--model', 'other');
    expect(await code()).toBe(0);
    expect(out).toMatch(/streams: 3/);
    expect(out).toMatch(/model: other/);
    expect(out).not.toMatch(/first-secret/);
  });

  it('takes new settings over at SIGHUP, keeps the old when they cannot be read, and ends at SIGTERM', async () => {
    writeFileSync(file, 'server: { tokens: [first-secret] }\n');
    serve();
    const address = await base();
    const status = async (token: string) => (await knock(address, { authorization: `Bearer ${token}` })).status;
    expect(await status('first-secret')).toBe(400);
    expect(await status('second-secret')).toBe(401);

    writeFileSync(file, 'server: { tokens: [second-secret], bodyLimit: 2048 }\n');
    child.kill('SIGHUP');
    await until('the new token', async () => (await status('second-secret')) === 400);
    expect(await status('first-secret')).toBe(401);
    expect(out).toMatch(/need a restart/);
    expect(out).toMatch(/server\.bodyLimit/);

    writeFileSync(file, 'server: { tokens: 5 }\n');
    child.kill('SIGHUP');
    await until('the refusal', () => /not reloaded.*server\.tokens/.test(out));
    expect(await status('second-secret')).toBe(400);

    child.kill('SIGTERM');
    expect(await code()).toBe(0);
    expect(out).not.toMatch(/-secret/);
  });
});

it('drains: runs what runs, refuses what is new, and settles when the last session has ended', async () => {
  const server = await startApp(SMALL_DEPTH);
  expect(await healthcheck(`${server.base}/readyz`)).toBe(0);
  const page = await browser.newPage(SMALL_PAGE);
  await page.goto(`${server.base}/bench?${FAKE_CAMERA}&autostart=1`);
  await page.waitForFunction(() => window.depthcast.frames > 3, undefined, { timeout: 60_000 });
  let settled = false;
  const draining = server.drain(60).then(() => {
    settled = true;
  });
  // A busy machine may have no free capacity either.
  const { ready, reasons } = (await (await fetch(`${server.base}/readyz`)).json()) as {
    ready: boolean;
    reasons: string[];
  };
  expect(ready).toBe(false);
  expect(reasons).toContain('draining');
  expect((await fetch(`${server.base}/livez`)).status).toBe(200);
  expect(await healthcheck(`${server.base}/readyz`)).toBe(1);
  expect(await healthcheck(`${server.base}/livez`)).toBe(0);
  const refused = await knock(server.base);
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ code: 'DRAINING' });
  const before = await page.evaluate(() => window.depthcast.frames);
  await page.waitForFunction((n) => window.depthcast.frames > n + 10, before, { timeout: 60_000 });
  expect(settled).toBe(false);
  await page.close();
  await draining;
  await server.drain(0);
  await server.close();
});

it('leaves a span and log lines for each session, and no secret in either', async () => {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  const lines: string[] = [];
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => void lines.push(line) });
  const server = await startApp({ ...SMALL_DEPTH, 'server.tokens': ['a-secret-token'] }, log);
  try {
    await knock(server.base, { authorization: 'Bearer a-secret-token' });
    const page = await browser.newPage(SMALL_PAGE);
    await page.goto(`${server.base}/bench?${FAKE_CAMERA}&autostart=1#token=a-secret-token`);
    await page.waitForFunction(() => window.depthcast.frames > 3, undefined, { timeout: 60_000 });
    const { id } = server.context.registry.sessions[0]!;
    await page.close();
    await until('the end of the session', () => exporter.getFinishedSpans().length === 2);
    const [refused, served] = exporter.getFinishedSpans();
    expect(refused!.attributes).toMatchObject({ 'depthcast.kind': 'whip', 'depthcast.code': 'BAD_SDP' });
    expect(served!.events.map((event) => event.name)).toEqual(['answered', 'connected', 'first depth']);
    expect(served!.attributes).toMatchObject({ 'depthcast.kind': 'ws', 'depthcast.model': 'depthcast-nano' });
    expect(served!.attributes['depthcast.frames']).toBeGreaterThan(3);

    const text = lines.join('') + JSON.stringify([refused!.attributes, served!.attributes]);
    for (const message of ['session refused', 'session opened', 'session ended'])
      expect(text).toContain(`"msg":"${message}"`);
    expect(text).toContain(`"session":"${id.slice(0, 6)}"`);
    expect(text).not.toContain(id);
    expect(text).not.toContain('a-secret-token');
  } finally {
    trace.disable();
    await server.close();
  }
});
