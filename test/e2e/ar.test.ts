import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WorkerStream } from '../../src/depth/worker-stream.ts';
import type { DepthServer } from '../../src/server/server.ts';
import { Network } from '../support/impair/network.ts';
import { needs } from '../support/needs.ts';
import { peerOf, startApp, until } from './support/app.ts';
import { expectAccessible } from './support/axe.ts';
import { launchBrowser } from './support/browser.ts';
import { Firefox, findFirefox } from './support/firefox.ts';

/** Pictures that a person looks at; not compared. */
const ARTEFACTS = new URL('../../test-artefacts/', import.meta.url).pathname;
const PORTRAIT = { width: 390, height: 844 };
const LANDSCAPE = { width: 844, height: 390 };

let server: DepthServer & { base: string };
/** Between the phone and the server. */
let network: Network;

beforeAll(async () => {
  mkdirSync(ARTEFACTS, { recursive: true });
  server = await startApp();
  network = await Network.open({ server: server.base });
});
afterAll(async () => {
  await network.close();
  await server.close();
});

describe('in Chromium, as on a phone', () => {
  let browser: Browser;
  let context: BrowserContext;
  beforeAll(async () => {
    browser = await launchBrowser({ args: ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'], fps: 5 });
    context = await browser.newContext({
      viewport: PORTRAIT,
      // A quarter of the pixels: a processor draws what a graphics card does on a phone.
      deviceScaleFactor: 0.5,
      isMobile: true,
      hasTouch: true,
      reducedMotion: 'reduce',
    });
  });
  // What fails leaves no session to those that follow.
  afterEach(async () => {
    for (const page of context.pages()) await page.close();
    await until('sessions to end', () => server.context.registry.sessions.length === 0);
  });
  afterAll(() => browser.close());

  const open = async (query = '') => {
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    await page.goto(`${network.url}/ar${query}`);
    return { page, faults };
  };
  const frames = async (page: Page, more: number) => {
    const before = await page.evaluate(() => window.ar.frames);
    await page.waitForFunction((n) => window.ar.frames >= n, before + more, { timeout: 60_000 });
  };

  it('goes from one tap to a planet that one places, upright and across, through another network and a lost connection', {
    timeout: 300_000,
  }, async () => {
    const { page, faults } = await open();
    await page.waitForSelector('#steps li');
    await expectAccessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PORTRAIT.width);
    await page.tap('#begin');
    await frames(page, 3);
    expect(await page.evaluate(() => [window.ar.exact > 0, !!document.fullscreenElement])).toEqual([true, true]);
    await expectAccessible(page);

    // A distance can be told before anything was tapped.
    await page.tap('#tell');
    expect(await page.isVisible('#telling')).toBe(true);
    await page.evaluate(() => document.querySelector<HTMLDialogElement>('#telling')!.close());

    // A tap: the planet goes there, to the depth of what is seen there; the address keeps it.
    await page.touchscreen.tap(100, 300);
    const [x, y] = await page.evaluate(() => [window.ar.settings.at.x, window.ar.settings.at.y]);
    expect([x, y]).toEqual([expect.closeTo(100 / PORTRAIT.width, 2), expect.closeTo(300 / PORTRAIT.height, 2)]);
    const near = Number(await page.inputValue('#distance'));
    expect(near).toBe(Math.round(100 * (await page.evaluate(() => window.ar.settings.nearness))));
    expect(new URL(page.url()).searchParams.get('near')).toBe(String(near));
    expect(await page.textContent('#honest')).toContain('No metres');
    await page.focus('#distance');
    await page.keyboard.press('End');
    expect(await page.textContent('#distance-text')).toBe('nearest');

    // A distance that is told makes metres, where it is tapped.
    await page.tap('#tell');
    await page.fill('#telling-metres', '1.5');
    await page.getByRole('button', { name: 'Next: tap it' }).tap();
    await page.touchscreen.tap(200, 400);
    await page.waitForFunction(() => window.ar.frame?.unit === 'metres', undefined, { timeout: 60_000 });
    expect(await page.textContent('#distance-text')).toMatch(/ m$/);
    expect(await page.evaluate(() => window.ar.settings.at.x)).toBe(x);

    await page.setViewportSize(LANDSCAPE);
    await frames(page, 2);
    const size = await page.evaluate(() => {
      const { clientWidth, clientHeight } = document.getElementById('space')!;
      return [clientWidth, clientHeight];
    });
    expect(size).toEqual([LANDSCAPE.width, LANDSCAPE.height]);
    await page.tap('#share');
    await page.waitForSelector('#sharing-code svg, #sharing-code p');
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Close' }).tap();

    // Another network: nothing passes for a while, then packets come from another address, in the same session.
    const [session] = server.context.registry.sessions;
    const credentials = peerOf(session!).iceUfrag;
    network.blackout();
    await until('the ICE restart', () => peerOf(session!).iceUfrag !== credentials, 120_000);
    network.rebind();
    network.impair({});
    await page.waitForFunction(() => window.ar.state === 'live', undefined, { timeout: 60_000 });
    await frames(page, 2);
    expect(server.context.registry.sessions).toEqual([session]);

    await session!.close('the server went');
    await page.waitForFunction(() => window.ar.errors.length > 0 && window.ar.state === 'live', undefined, {
      timeout: 60_000,
    });
    await frames(page, 2);
    await page.tap('#leave');
    await until('the session to end', () => server.context.registry.sessions.length === 0);
    expect(await page.isVisible('#begin')).toBe(true);
    expect(faults.filter((text) => !text.includes('WebSocket'))).toEqual([]);
    await page.setViewportSize(PORTRAIT);
    await page.close();
  });

  it('lets what is near hide the planet, and rests while nobody sees it', async () => {
    // The page is hidden, and what it then waits for is at once.
    await context.addInitScript(`
      const { setTimeout: real } = window;
      window.setTimeout = (run, ms, ...rest) => real(run, document.hidden ? 0 : ms, ...rest);
      window.hide = (hidden) => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      };`);
    const { page } = await open('?source=scene:person&at=50,62&near=100&size=160');
    await page.tap('#begin');
    await frames(page, 3);
    /** Mean red and green around the middle of the planet. */
    const tone = async () => {
      const png = await page.screenshot({ clip: { x: 185, y: 513, width: 20, height: 20 } });
      return page.evaluate(async (base64) => {
        const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
        const canvas = new OffscreenCanvas(1, 1).getContext('2d')!;
        canvas.drawImage(bitmap, 0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data] as [number, number];
      }, png.toString('base64'));
    };
    // Sand before everything; behind all, the green of the pullover.
    await until('the planet', async () => {
      const [red, green] = await tone();
      return red > green + 15;
    });
    await page.focus('#distance');
    await page.keyboard.press('Home');
    await until('the pullover', async () => {
      const [red, green] = await tone();
      return green > red + 5;
    });
    expect(await page.evaluate(() => window.ar.awake)).toBe(true);
    await page.evaluate('hide(true)');
    await until('the session to end', () => server.context.registry.sessions.length === 0);
    expect(await page.textContent('#note')).toBe('Resting');
    await page.evaluate('hide(false)');
    await frames(page, 2);
    await page.close();
  });

  it('says what is the matter where the server is too slow, and shows what comes', { timeout: 180_000 }, async () => {
    const { infer } = WorkerStream.prototype;
    // Depth that is later than its picture is kept for, until all is well again.
    const well = new AbortController();
    vi.spyOn(WorkerStream.prototype, 'infer').mockImplementation(async function (this: WorkerStream, ...frame) {
      await sleep(14_000, undefined, { signal: well.signal }).catch(() => {});
      return infer.apply(this, frame);
    });
    try {
      const { page } = await open();
      await page.tap('#begin');
      const pace = (text: RegExp) =>
        page.waitForFunction(
          (pattern) => new RegExp(pattern).test(document.getElementById('pace')!.textContent),
          text.source,
          { timeout: 60_000 },
        );
      const HINT = 'Tap where the planet shall stand';
      await pace(/^No depth for 10 s: the server is busy, or too weak for this\.$/);
      // What one is to do is said all the same.
      expect(await page.textContent('#note')).toBe(HINT);
      await expectAccessible(page);
      await page.screenshot({ path: `${ARTEFACTS}ar-slow.png` });
      expect(await page.evaluate(() => window.ar.errors.map(({ code }) => code))).toContain('BUSY');
      await frames(page, 1);
      expect(await page.evaluate(() => window.ar.exact)).toBe(0);
      expect(await page.getAttribute('#view', 'class')).toContain('fed');
      vi.restoreAllMocks();
      well.abort();
      // A machine that draws slowly may go on to say that depth comes slowly, but depth comes.
      await pace(/^(?!No depth)/);
      await frames(page, 3);
      await pace(/^(?!No depth)/);
      expect(await page.textContent('#note')).toBe(HINT);
      await page.close();
    } finally {
      vi.restoreAllMocks();
      well.abort();
    }
  });
});

describe('in Firefox', needs(findFirefox(), 'Firefox (Debian: firefox-esr)'), () => {
  it('shows pictures with their very depth, and a planet, or why there is none', async () => {
    const firefox = await Firefox.launch();
    try {
      await firefox.navigate(`http://localhost:${server.port}/?view=key`);
      await until('depth in the showroom', () => firefox.evaluate('window.showroom.exact > 3'));
      await firefox.navigate(`http://localhost:${server.port}/ar`);
      await firefox.evaluate(`document.getElementById('begin').click()`);
      // Without a graphics card it often has no WebGL 2.
      if (await firefox.evaluate(`document.createElement('canvas').getContext('webgl2') !== null`))
        await until('depth on /ar', () => firefox.evaluate('window.ar.frames > 3'));
      else
        await until('the reason', () =>
          firefox.evaluate(`document.getElementById('problem-message').textContent.includes('does not draw in space')`),
        );
    } finally {
      await firefox.close();
    }
    await until('the sessions to end', () => server.context.registry.sessions.length === 0);
  });
});
