import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { endSessions, startApp, until } from './support/app.ts';
import { expectAccessible } from './support/axe.ts';
import { launchBrowser } from './support/browser.ts';

let server: DepthServer & { base: string };
let browser: Browser;

beforeAll(async () => {
  server = await startApp({
    'server.allowedOrigins': ['https://friend.example'],
    'sources.scenes': ['static'],
    'sources.width': 320,
    'sources.height': 240,
    'sources.fps': 5,
  });
  // Two of the views draw with WebGL 2.
  browser = await launchBrowser({ args: ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'] });
});
afterEach(() => endSessions(browser, server));
afterAll(async () => {
  await browser.close();
  await server.close();
});

/** A page whose errors are collected. */
async function openPage(path: string): Promise<{ page: Page; faults: string[] }> {
  // Views in space are then drawn once for each depth map, not as often as the processor can, and in a quarter of the pixels.
  const viewport = { width: 480, height: 640 };
  const page = await browser.newPage({ viewport, deviceScaleFactor: 0.5, reducedMotion: 'reduce' });
  // A fifth of the film's pictures are enough, of which each costs its encoding, its network and its drawing.
  await page.addInitScript(() =>
    addEventListener('DOMContentLoaded', () => {
      const film = document.querySelector<HTMLVideoElement>('#film');
      if (film) film.playbackRate = film.defaultPlaybackRate = 0.2;
    }),
  );
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  await page.goto(server.base + path);
  return { page, faults };
}

/** RGBA of a place of a canvas, 0 to 1 from its upper left corner. */
const pixel = (page: Page, id: string, x: number, y: number) =>
  page.evaluate(
    ([name, u, v]) => {
      const canvas = document.getElementById(name) as HTMLCanvasElement;
      const copy = new OffscreenCanvas(1, 1).getContext('2d')!;
      copy.drawImage(canvas, Math.floor(u * canvas.width), Math.floor(v * canvas.height), 1, 1, 0, 0, 1, 1);
      return [...copy.getImageData(0, 0, 1, 1).data];
    },
    [id, x, y] as const,
  );

// Two of the views are drawn by a processor here.
it('shows moving depth without a click, with a line to draw, in five views', { timeout: 300_000 }, async () => {
  const { page, faults } = await openPage('/');
  const frames = (n: number) => page.waitForFunction((k) => window.showroom.frames >= k, n, { timeout: 60_000 });
  await frames(3);
  // The very pictures that the depth is of; the page says that no camera is on.
  expect(await page.evaluate(() => [window.showroom.exact > 0, window.showroom.source])).toEqual([true, 'film']);
  expect(await page.textContent('#tag')).toContain('Synthetic');
  await expectAccessible(page);

  // Depth of the right is coloured: near is bright yellow, far is nearly black. With the line at the far right it is the picture.
  const colours = async () => [await pixel(page, 'flat', 0.85, 0.85), await pixel(page, 'flat', 0.85, 0.1)];
  const [near, far] = await colours();
  expect(near![0]! - far![0]!).toBeGreaterThan(60);
  const slider = page.getByRole('slider', { name: 'Line between picture and depth' });
  await slider.focus();
  await page.keyboard.press('End');
  expect(await slider.getAttribute('aria-valuenow')).toBe('100');
  expect(await colours()).not.toEqual([near, far]);
  const box = (await page.locator('#stage').boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.9, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.25, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
  expect(Number(await slider.getAttribute('aria-valuenow'))).toBeCloseTo(25, -1);

  await page.getByRole('button', { name: 'Pause' }).click();
  await until('the session to end', () => server.context.registry.sessions.length === 0);
  await page.getByRole('button', { name: 'Go on' }).click();
  await frames(1);

  const choose = async (name: string) => {
    const radio = page.getByRole('radio', { name });
    await radio.focus();
    await page.keyboard.press('Space');
    const before = await page.evaluate(() => window.showroom.frames);
    await frames(before + 2);
  };
  await choose('Key');
  const [r, g, b] = await pixel(page, 'flat', 0.5, 0.9);
  expect([g, b]).toEqual([r, r]);
  await choose('Cut out');
  // What is far is cut out: transparent; what is nearest stays.
  await until('the cut', async () => (await pixel(page, 'flat', 0.5, 0.02))[3] === 0);
  expect((await pixel(page, 'flat', 0.95, 0.97))[3]).toBe(255);
  await page.getByRole('slider', { name: /^Keep from/ }).focus();
  await page.keyboard.press('Home');
  await until('nothing to be cut', async () => (await pixel(page, 'flat', 0.5, 0.02))[3] === 255);
  await expectAccessible(page);

  for (const view of ['In space', 'Insert']) {
    await choose(view);
    // A canvas that was cleared, or never drawn, is of one colour.
    const shown = () => page.locator('#space').screenshot();
    // With the session ended, what is drawn anew is for the keys.
    await page.getByRole('button', { name: 'Pause' }).click();
    await until('the session to end', () => server.context.registry.sessions.length === 0);
    let first = await shown();
    await until('a still view', async () => {
      const before = first;
      first = await shown();
      return first.equals(before);
    });
    expect(first.length).toBeGreaterThan(5000);
    await page.locator('#space').focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowLeft');
    await until('another look', async () => !(await shown()).equals(first));
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Go on' }).click();
    await frames(1);
  }
  expect(faults).toEqual([]);
  await page.close();
  await until('the session to end', () => server.context.registry.sessions.length === 0);
});

it('lists what is live, with its latest depth, and what this server has of it', async () => {
  const { page, faults } = await openPage('/streams');
  const card = page.getByRole('listitem').filter({ hasText: 'scene-static' });
  // Asking for a thumbnail wakes a scene that rests while nobody watches.
  await page.waitForFunction(() => document.querySelector<HTMLImageElement>('#streams img')?.naturalWidth, undefined, {
    timeout: 60_000,
  });
  expect(await card.getByRole('img', { name: 'Latest depth of scene-static' }).isVisible()).toBe(true);
  await until('the state', async () => (await card.textContent())?.includes('since'));
  const { streams } = (await (await fetch(`${server.base}/api/streams`)).json()) as { streams: { pages: string[] }[] };
  for (const path of streams[0]!.pages) expect((await fetch(`${server.base}/${path}`)).status).toBe(200);
  expect(await card.getByRole('link').count()).toBe(streams[0]!.pages.length);
  await expectAccessible(page);
  expect(faults).toEqual([]);
  const foreign = { headers: { origin: 'https://foe.example' } };
  for (const path of ['streams', 'streams/scene-static/thumbnail', 'addresses'])
    expect((await fetch(`${server.base}/api/${path}`, foreign)).status, path).toBe(403);
  expect((await fetch(`${server.base}/api/streams/nothing/thumbnail`)).status).toBe(409);
  await page.close();
});

it('takes the camera by its one button, keeps what the address says, and says what is wrong', async () => {
  const { page, faults } = await openPage('/?view=key');
  await page.waitForFunction(() => window.showroom.frames > 1, undefined, { timeout: 60_000 });
  expect(await page.isChecked('#views [value=key]')).toBe(true);
  await page.click('#source');
  await page.waitForFunction(() => window.showroom.source === 'camera' && window.showroom.frames > 1, undefined, {
    timeout: 60_000,
  });
  expect(await page.textContent('#tag')).toBe('Your camera');
  expect(await page.evaluate(() => window.showroom.frame!.intrinsics.source)).toBe('assumed');
  expect(faults).toEqual([]);
  await server.context.registry.close('the test');
  await page.waitForSelector('#problem:not([hidden])');
  await expectAccessible(page);
  await page.close();
});

it('leads addresses of what stood there before to where it stands now', async () => {
  const { page } = await openPage('/?autostart=0&source=scene:person#token=x');
  await page.waitForURL('**/bench?autostart=0&source=scene:person#token=x');
  await expectAccessible(page);
  await page.close();
});
