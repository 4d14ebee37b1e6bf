import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type {} from '../../client/studio/air.ts';
import type {} from '../../client/studio/desk.ts';
import { WorkerStream } from '../../src/depth/worker-stream.ts';
import type { DepthServer } from '../../src/server/server.ts';
import { startApp, until } from './support/app.ts';
import { expectAccessible } from './support/axe.ts';
import { launchBrowser } from './support/browser.ts';

/** Pictures that a person looks at; not compared. */
const ARTEFACTS = new URL('../../test-artefacts/', import.meta.url).pathname;
const STREAM = 'scene-person';
const SIZE = { width: 320, height: 180 };

const folder = mkdtempSync(join(tmpdir(), 'depthcast-studio-'));
const settingsFile = join(folder, 'mattes.json');
let server: DepthServer & { base: string };
let browser: Browser;
let page: Page;
const told: string[] = [];

beforeAll(async () => {
  mkdirSync(ARTEFACTS, { recursive: true });
  server = await startApp({
    'sources.scenes': ['person'],
    'sources.fps': 10,
    'sources.width': SIZE.width,
    'sources.height': SIZE.height,
    'outputs.settingsFile': settingsFile,
    'outputs.apiHosts': ['127.0.0.1'],
    // Conditions are asked for many times a second.
    'limits.requestsPerMinute': 100_000,
  });
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  page.on('console', (message) => {
    // A browser without a GPU says so.
    if (['error', 'warning'].includes(message.type()) && !message.text().includes('GPU stall'))
      told.push(message.text());
  });
  page.on('pageerror', (error) => told.push(error.message));
});
afterAll(async () => {
  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

const api = (method: string, path: string, body?: unknown, headers = {}) =>
  fetch(`${server.base}/api/${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const output = (method: string, path = '', body?: unknown, headers = {}) =>
  api(method, `streams/${STREAM}/output${path}`, body, headers);
const codeOf = async (response: Response) => [response.status, ((await response.json()) as { code: string }).code];

async function open(path: string): Promise<void> {
  await page.goto(`${server.base}/${path}`);
  await page.waitForFunction(() => window.depthcastAir.state === 'live', undefined, { timeout: 60_000 });
}

/** Whatever the system's colours are. */
async function isAccessible(): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
  }
}

/**
 * What a page shows in the middle of the person and above its shoulders, in a view of 320x180: [red, green, blue, alpha] of each.
 * @param at where that is
 */
const seen = (at = { person: [150, 150], wall: [30, 20] }) =>
  page.evaluate(({ person, wall }) => {
    const { painter } = window.depthcastAir;
    painter?.paint();
    const shown = document.querySelector<HTMLCanvasElement | HTMLVideoElement>(painter ? 'canvas' : 'video')!;
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 180;
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    context.drawImage(shown, 0, 0, 320, 180);
    const colour = ([x = 0, y = 0]: number[]) => [...context.getImageData(x, y, 1, 1).data];
    return { person: colour(person), wall: colour(wall) };
  }, at);
const looks = (
  what: string,
  check: (now: Awaited<ReturnType<typeof seen>>) => boolean,
  at?: Parameters<typeof seen>[0],
) => until(what, async () => check(await seen(at)));
const white = ([red = 0, green = 0, blue = 0]: number[]) => Math.min(red, green, blue) > 235;
const black = ([red = 0, green = 0, blue = 0]: number[]) => Math.max(red, green, blue) < 20;

describe('pages for mixers', () => {
  it('show a matte of what is near, which follows at once when it is set', async () => {
    await open(`matte/${STREAM}?far=0.6&soft=0.05`);
    await looks('the person is white', ({ person, wall }) => white(person) && black(wall));
    expect((await output('PUT', '', { near: 0.3, far: 0 })).status).toBe(200);
    await looks('the wall is white', ({ person, wall }) => black(person) && white(wall));
    expect((await output('PUT', '', { near: 1, far: 0.5 })).status).toBe(200);
    await looks('the person is white again', ({ person, wall }) => white(person) && black(wall));
    expect(await page.getByRole('alert').isVisible()).toBe(false);
    await isAccessible();
  });

  it('show the picture, keyed by its matte, on a transparent background', async () => {
    await open(`fill/${STREAM}?alpha=matte`);
    await looks('the person is opaque', ({ person, wall }) => person[3]! > 235 && wall[3]! < 20);
    const { person } = await seen();
    // A green pullover, not a matte.
    expect(person[1]! - person[2]!).toBeGreaterThan(10);
    await isAccessible();
    // The page before has told that it went.
    await until('this is all that is watched', async () => {
      const { tracks } = (await (await output('GET')).json()) as { tracks: object[] };
      return JSON.stringify(tracks) === '[{"layout":"matte-stacked","codec":"VP8","viewers":1}]';
    });
  });

  it('show the picture beside its depth, or above its matte', async () => {
    await open(`both/${STREAM}`);
    const beside = { person: [75, 150], wall: [235, 150] };
    const isGray = ([red = 0, green = 0, blue = 0]: number[]) =>
      Math.max(red, green, blue) - Math.min(red, green, blue) < 8;
    await looks('colour at the left, gray at the right', ({ person, wall }) => !isGray(person) && isGray(wall), beside);
    await isAccessible();
    await open(`both/${STREAM}?layout=stacked&with=matte`);
    const below = { person: [150, 75], wall: [150, 165] };
    await looks('colour above white', ({ person, wall }) => !isGray(person) && white(wall), below);
  });

  it('come back to a stream that went', async () => {
    await open(`key/${STREAM}`);
    await looks('near is lighter than far', ({ person, wall }) => person[0]! > wall[0]! + 60);
    await isAccessible();
    await Promise.all(server.context.registry.sessions.map((session) => session.close('test')));
    await page.waitForFunction(() => window.depthcastAir.state !== 'live', undefined, { timeout: 60_000 });
    await page.waitForFunction(
      () => window.depthcastAir.state === 'live' && window.depthcastAir.view!.connections === 2,
      undefined,
      { timeout: 60_000 },
    );
  });
});

it('a desk sets the matte by keys and hands, keeps presets, and tells who watches', async () => {
  told.length = 0;
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${server.base}/desk/${STREAM}`);
  await page.waitForFunction(
    () => {
      const { state, frame, report } = window.depthcastDesk;
      return state === 'live' && frame && report && report.framesOut > 0 && report.viewers === 1;
    },
    undefined,
    { timeout: 60_000 },
  );
  await isAccessible();
  const settings = async () =>
    ((await (await output('GET')).json()) as { settings: { near: number; far: number } }).settings;
  const far = page.getByRole('slider', { name: 'Far edge of the matte' });
  expect(await far.getAttribute('aria-valuetext')).toBe('0.500');
  await far.focus();
  await page.keyboard.press('Shift+ArrowUp');
  await until('the far edge was moved', async () => (await settings()).far === 0.55);
  // The near edge stands before it in the order of the keys, and at the top there is none.
  await page.keyboard.press('Shift+Tab');
  const near = page.getByRole('slider', { name: 'Near edge of the matte' });
  expect(await near.evaluate((handle) => handle === document.activeElement)).toBe(true);
  expect(await near.getAttribute('aria-valuetext')).toBe('none: all that is near');
  for (const key of ['PageDown', 'ArrowDown', 'ArrowUp']) await page.keyboard.press(key);
  await until('the near edge was moved', async () => (await settings()).near === 0.95);
  expect(await near.getAttribute('aria-valuetext')).toBe('0.950');
  await page.keyboard.press('End');
  await until('there is none again', async () => (await settings()).near === 1);
  const box = (await far.boundingBox())!;
  await page.mouse.move(box.x + 100, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 100, box.y + box.height / 2 - 30, { steps: 3 });
  await page.mouse.up();
  const dragged = await until('it was dragged', async () => {
    const { far: now } = await settings();
    // The last of the drag's levels, which the handle stands at.
    return now > 0.58 && now.toFixed(3) === (await far.getAttribute('aria-valuetext')) ? now : undefined;
  });
  await page.getByLabel('Name of the new preset').fill('Presenter 1');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Presenter 1', exact: true, pressed: true }).waitFor();
  await until('the preset is in the file', () => readFileSync(settingsFile, 'utf8').includes('Presenter 1'));
  // Somebody else changes it: this desk shows it.
  await output('PUT', '', { far: 0.2, near: 0.9 });
  await page.getByRole('button', { name: 'Presenter 1', exact: true, pressed: false }).waitFor();
  expect(await page.getByLabel('Near', { exact: true }).inputValue()).toBe('0.9');
  await page.getByRole('button', { name: 'Presenter 1', exact: true }).click();
  await until('the preset is on air', async () => (await settings()).far === dragged);
  await page.screenshot({ path: `${ARTEFACTS}desk.png` });
  await page.getByRole('button', { name: 'Remove Presenter 1' }).click();
  await page.getByRole('button', { name: 'Presenter 1', exact: true }).waitFor({ state: 'detached' });
  expect(told).toEqual([]);
});

it('a desk says that pictures come slowly, and why', { timeout: 180_000 }, async () => {
  // Slower than any machine that passes the tests above makes them by itself.
  const { infer } = WorkerStream.prototype;
  vi.spyOn(WorkerStream.prototype, 'infer').mockImplementation(async function (this: WorkerStream, ...frame) {
    await sleep(3000);
    return infer.apply(this, frame);
  });
  try {
    await page.goto(`${server.base}/desk/${STREAM}`);
    const lamp = page.locator('#state');
    await until('the lamp is not green', async () =>
      /^Slow: a frame in [3-9] s$/.test((await lamp.textContent()) ?? ''),
    );
    expect(await lamp.getAttribute('data-state')).toBe('slow');
    expect(await page.getByRole('alert').textContent()).toMatch(/^Depth comes .*: the server is busy/);
    await isAccessible();
  } finally {
    vi.restoreAllMocks();
  }
  // Green again, or as slow as this machine is by itself.
  const [lamp, line] = await until('it is well again', async () => {
    const seen = await page.evaluate(() => {
      const problem = document.getElementById('problem')!;
      return [document.getElementById('state')!.textContent, problem.hidden ? '' : problem.textContent] as const;
    });
    return /^(Live|Slow: (\d+ frames? a second|a frame in 2 s|1 s late))$/.test(seen[0]) ? seen : undefined;
  });
  expect(line).toMatch(lamp === 'Live' ? /^$/ : /^Depth comes /);
});

it('settings are refused with what is wrong with them, and to those without the right', async () => {
  expect(await codeOf(await output('PUT', '', { near: 0.1 }))).toEqual([400, 'BAD_OPTION']);
  expect(await codeOf(await output('PUT', '', { near: 'x' }))).toEqual([400, 'BAD_REQUEST']);
  expect(await codeOf(await output('PUT', '', { near: 1, colour: 1 }))).toEqual([400, 'BAD_REQUEST']);
  expect(await codeOf(await output('PUT', '', { unit: 'metres', near: 1, far: 2, soft: 0 }))).toEqual([
    409,
    'NOT_METRIC',
  ]);
  expect(await codeOf(await output('PUT', '', { preset: '__proto__' }))).toEqual([404, 'PRESET_NOT_FOUND']);
  expect(await codeOf(await output('DELETE', '/presets/none'))).toEqual([404, 'PRESET_NOT_FOUND']);
  expect(await codeOf(await output('PUT', '/presets/%20', {}))).toEqual([400, 'BAD_OPTION']);
  expect(await codeOf(await api('POST', 'outputs', { name: 'a', stream: STREAM, url: 'srt://10.0.0.1:1' }))).toEqual([
    403,
    'OUTPUT_NOT_ALLOWED',
  ]);
  const listener = { name: 'a', stream: STREAM, url: 'srt://127.0.0.1:9000?mode=listener' };
  expect(await codeOf(await api('POST', 'outputs', listener))).toEqual([403, 'OUTPUT_NOT_ALLOWED']);
  expect(await codeOf(await api('DELETE', 'outputs/none'))).toEqual([404, 'OUTPUT_NOT_FOUND']);
  const { config } = server.context;
  config.server.tokens = [
    { token: 'may-only-view', publish: [], view: ['*'], duplex: false, api: false, metrics: false },
  ];
  try {
    const viewer = { authorization: 'Bearer may-only-view' };
    expect((await output('GET', '', undefined, viewer)).status).toBe(200);
    expect(await codeOf(await output('GET'))).toEqual([401, 'UNAUTHORIZED']);
    expect(await codeOf(await output('PUT', '', { far: 0.4 }, viewer))).toEqual([403, 'FORBIDDEN']);
    expect(await codeOf(await api('POST', 'outputs', listener, viewer))).toEqual([403, 'FORBIDDEN']);
  } finally {
    config.server.tokens = [];
  }
});
