import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { formulaCheckpoint } from '../support/checkpoint.ts';
import { TINY, TINY_CONFIG } from '../support/formula.ts';
import { metric, startApp, until } from './support/app.ts';
import { FAKE_CAMERA, launchBrowser, SMALL_PAGE } from './support/browser.ts';

// A Video Depth Anything checkpoint instead of the embedded model: the tiny one, whose weights come from a formula.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-e2e-checkpoint-'));
const model = join(folder, 'tiny.json');
let server: DepthServer & { base: string };
let browser: Browser;
let page: Page;

beforeAll(async () => {
  writeFileSync(join(folder, 'tiny.pth'), formulaCheckpoint(TINY));
  const shipped = JSON.parse(readFileSync('models/vda-metric-small.json', 'utf8')) as object;
  const size = { multipleOf: 14, shortSides: { from: 70, to: 98 }, default: 84 };
  const own = { name: 'tiny', checkpoint: { file: 'tiny.pth' }, network: TINY_CONFIG, size };
  writeFileSync(model, JSON.stringify({ ...shipped, ...own }));
  server = await startApp({
    'depth.model': model,
    'depth.size': 'auto',
    'depth.targetFps': 0.5,
    'models.folder': join(folder, 'store'),
  });
  // What a busy machine makes of sizes later, src/session/adaptive-size.test.ts tries.
  server.context.size!.close();
  browser = await launchBrowser({ fps: 10 });
});
afterAll(async () => {
  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

it('is measured, streamed, resized, and exchanged for another model and back', async () => {
  // At half a frame a second, any machine holds the largest.
  expect(server.context.config.depth.size).toBe(98);
  page = await browser.newPage(SMALL_PAGE);
  await page.goto(`${server.base}/bench?autostart=1&${FAKE_CAMERA}&data=u16`);
  const frameWhere = (condition: string) =>
    page.waitForFunction(`(() => { const f = window.depthcast.frame; return f && (${condition}); })()`, undefined, {
      timeout: 60_000,
    });
  const update = (output: object) => page.evaluate((o) => window.depthcast.session!.update(o), output);
  // 320x240 at 98: 126x98 by the official rule. Metres: near is the smaller one.
  await frameWhere("f.width === 126 && f.height === 98 && f.unit === 'metres' && f.near < f.far && f.epoch === 0");
  expect(await page.evaluate(() => window.depthcast.output)).toMatchObject({ model: 'tiny', size: 98 });
  await update({ size: 70 });
  await frameWhere('f.width === 98 && f.height === 70 && f.epoch === 1');
  await update({ model: 'depthcast-nano' });
  await frameWhere("f.width === 256 && f.unit === 'disparity' && f.epoch >= 2");
  await update({ model: 'tiny' });
  // The size that was measured for it at the start.
  await frameWhere("f.width === 126 && f.height === 98 && f.unit === 'metres'");
  const errors = await page.evaluate(() => window.depthcast.errors.map((error) => error.code));
  expect(errors).toEqual([]);
  await update({ size: 77 }).catch(() => {});
  await until('the refusal', () =>
    page.evaluate(() => window.depthcast.errors.some(({ code }) => code === 'BAD_SIZE')),
  );
  expect(await metric(server, 'depthcast_epochs_total', { cause: 'size' })).toBeGreaterThanOrEqual(1);
});

it('refuses to start with a size that the model does not have', async () => {
  await expect(startApp({ 'depth.model': model, 'depth.size': 99 })).rejects.toMatchObject({ code: 'BAD_SIZE' });
});
