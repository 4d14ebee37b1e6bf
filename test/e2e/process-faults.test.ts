import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ServerProcess } from '../support/load/server-process.ts';
import { needs } from '../support/needs.ts';
import { SMALL_DEPTH, startApp, until } from './support/app.ts';
import { FAKE_CAMERA, launchBrowser, SMALL_PAGE } from './support/browser.ts';

let browser: Browser;
let server: ServerProcess | undefined;

beforeAll(async () => {
  browser = await launchBrowser({ fps: 10 });
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await server?.close();
  server = undefined;
});
afterAll(() => browser.close());

async function openPage(base: string): Promise<Page> {
  const page = await browser.newPage(SMALL_PAGE);
  await page.goto(`${base}/bench?${FAKE_CAMERA}&autostart=1&data=u8`);
  await moreFrames(page, 10);
  return page;
}

async function moreFrames(page: Page, count: number): Promise<void> {
  const before = await page.evaluate(() => window.depthcast?.frames ?? 0);
  await page.waitForFunction((n) => window.depthcast?.frames > n, before + count, { timeout: 60_000 });
}

it('a page reconnects by itself and goes on when its server crashes, and when it is restarted in order', {
  timeout: 240_000,
}, async () => {
  server = await ServerProcess.start({ overrides: SMALL_DEPTH });
  const { port } = server;
  const page = await openPage(server.base);
  for (const end of ['kill', 'close'] as const) {
    await server[end]();
    await page.waitForFunction(() => window.depthcast.session?.state.name === 'reconnecting', undefined, {
      timeout: 60_000,
    });
    server = await ServerProcess.start({ overrides: { ...SMALL_DEPTH, 'server.port': port } });
    await moreFrames(page, 15);
    expect(await page.evaluate(() => window.depthcast.session?.state.name)).toBe('live');
    const errors = await page.evaluate(() =>
      window.depthcast.errors.splice(0).map(({ code, retryable }) => ({ code, retryable })),
    );
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.filter(({ retryable }) => !retryable)).toEqual([]);
    expect(await server.metric('depthcast_sessions')).toBe(1);
  }
});

it('a depth worker that dies again and again is started again each time, and the session never ends', async () => {
  const app = await startApp(SMALL_DEPTH);
  try {
    const page = await openPage(app.base);
    const [session] = app.context.registry.sessions;
    const stream = app.context.registry.streams[0]!;
    for (let kill = 1; kill <= 3; kill++) {
      const { epoch } = stream.last;
      await app.context.pool.workers.find(({ streamCount }) => streamCount > 0)!.kill();
      await until(`a new epoch after kill ${kill}`, () => stream.last.epoch > epoch, 60_000);
      await moreFrames(page, 3);
    }
    expect(app.context.registry.sessions).toEqual([session]);
    expect(await page.evaluate(() => window.depthcast.session?.state.name)).toBe('live');
  } finally {
    await app.close();
  }
});

/** The library that the faketime command loads into programs. */
const FAKETIME = spawnSync('faketime', ['-m', '-f', '+0', 'sh', '-c', 'echo $LD_PRELOAD']).stdout?.toString().trim();
describe('a wall clock that jumps', needs(FAKETIME, 'faketime (Debian: faketime)'), () => {
  it('an hour ahead, and two back: depth continues, in the same session and epoch', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'depthcast-clock-'));
    const file = join(folder, 'offset');
    const set = (offset: string) => writeFileSync(file, `${offset}\n`);
    try {
      set('+0');
      server = await ServerProcess.start({
        env: {
          LD_PRELOAD: FAKETIME,
          FAKETIME_TIMESTAMP_FILE: file,
          FAKETIME_NO_CACHE: '1',
          // Linux sets the wall clock alone; the monotonic one runs on.
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
          DONT_FAKE_MONOTONIC: '1',
        },
      });
      const wallClock = async () => Date.parse((await fetch(`${server!.base}/livez`)).headers.get('date')!);
      const page = await openPage(server.base);
      const epoch = await page.evaluate(() => window.depthcast.frame!.epoch);
      for (const hours of [1, -2]) {
        set(`${hours > 0 ? '+' : ''}${hours * 3600}`);
        // The server's own clock tells that the jump took place.
        await until('the jump', async () => Math.abs((await wallClock()) - Date.now() - hours * 3_600_000) < 60_000);
        await moreFrames(page, 30);
      }
      expect(await page.evaluate(() => window.depthcast.frame!.epoch)).toBe(epoch);
      expect(await page.evaluate(() => window.depthcast.errors.length)).toBe(0);
      expect(await server.metric('depthcast_session_ends_total')).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
