import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { Network } from '../support/impair/network.ts';
import { writeLumaModel } from '../support/luma-model.ts';
import { startApp } from './support/app.ts';
import { launchBrowser } from './support/browser.ts';
import { pageScript } from './support/page-script.ts';
import type { PairsReport } from './support/pairs-page.ts';

/** PAIRS=5000 npm test -- --project e2e test/e2e/pairs.test.ts proves more. */
const WANTED = Number(process.env['PAIRS'] ?? 300);
const PATIENCE_MS = 60_000 + 400 * WANTED;

const folder = mkdtempSync(join(tmpdir(), 'depthcast-pairs-'));
let server: DepthServer & { base: string };
let network: Network;
let script: string;

beforeAll(async () => {
  server = await startApp({ 'depth.model': writeLumaModel(folder, 320, 240) });
  network = await Network.open({ server: server.base, up: { loss: 0.05 }, down: { loss: 0.05 } });
  script = await pageScript('pairs-page.ts');
});
afterAll(async () => {
  await network.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

async function watch(look: () => Promise<PairsReport>, wanted: number): Promise<PairsReport> {
  for (const deadline = performance.now() + PATIENCE_MS; ; ) {
    const report = await look();
    if (report.right + report.wrong.length >= wanted) return report;
    if (performance.now() > deadline) throw new Error(`too few pairs: ${JSON.stringify({ ...report, ages: [] })}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function judge(name: string, { right, wrong, unreadable, unpaired, broken, left, ages, sent }: PairsReport): void {
  const { up, down } = network.getStats();
  const lost = [up, down].map(({ lost: { random }, received }) => `${((100 * random) / received).toFixed(1)} %`);
  const median = ages.sort((a, b) => a - b)[ages.length >> 1]!;
  console.log(
    `${name}: ${sent} pictures drawn, ${right} right pairs, ${wrong.length} wrong, ${unreadable} unreadable, ${unpaired} unpaired; ` +
      `median age ${median.toFixed(0)} ms; lost up ${lost[0]}, down ${lost[1]}`,
  );
  expect(wrong).toEqual([]);
  expect(broken).toBe(0);
  expect(left).toBe(0);
  // The code is large; what cannot be read was hardly encoded at all.
  expect(unreadable).toBeLessThan(0.02 * right);
  expect(unpaired).toBeLessThan(0.05 * right);
  expect(median).toBeGreaterThan(0);
  expect(up.lost.random).toBeGreaterThan(0.02 * up.received);
}

describe('pictures and their depth, at 5 % loss, while the camera changes its rate', () => {
  describe('in Chromium', () => {
    let browser: Browser;
    let page: Page;
    beforeAll(async () => {
      browser = await launchBrowser();
      page = await browser.newPage();
    });
    afterAll(() => browser.close());

    it(
      `gives no wrong pair in ${WANTED}`,
      async () => {
        await page.goto(`${network.url}/livez`);
        await page.addScriptTag({ content: script });
        judge('Chromium', await watch(() => page.evaluate(() => window.pairs), WANTED));
      },
      PATIENCE_MS,
    );
  });
});
