import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { Network } from '../support/impair/network.ts';
import { writeLumaModel } from '../support/luma-model.ts';
import { needs } from '../support/needs.ts';
import { startApp } from './support/app.ts';
import { launchBrowser } from './support/browser.ts';
import { Firefox, findFirefox } from './support/firefox.ts';
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
  const median = ages.sort((a, b) => a - b)[ages.length >> 1]!;
  console.log(
    `${name}: ${sent} pictures drawn, ${right} right pairs, ${wrong.length} wrong, ${unreadable} unreadable, ${unpaired} unpaired; ` +
      `median age ${median.toFixed(0)} ms`,
  );
  expect(wrong).toEqual([]);
  expect(broken).toBe(0);
  expect(left).toBe(0);
  // The code is large; what cannot be read was hardly encoded at all.
  expect(unreadable).toBeLessThan(0.02 * right);
  expect(unpaired).toBeLessThan(0.05 * right);
  expect(median).toBeGreaterThan(0);
}

/** That there was loss. */
function judgeLoss(): void {
  const { up, down } = network.getStats();
  const lost = [up, down].map(({ lost: { random }, received }) => `${((100 * random) / received).toFixed(1)} %`);
  console.log(`lost up ${lost[0]}, down ${lost[1]}`);
  expect(up.lost.random).toBeGreaterThan(0.02 * up.received);
}

describe('pictures and their depth, while the camera changes its rate', () => {
  it(
    `gives no wrong pair in ${WANTED} in Chromium, at 5 % loss`,
    async () => {
      const browser = await launchBrowser();
      try {
        const page = await browser.newPage();
        await page.goto(`${network.url}/livez`);
        await page.addScriptTag({ content: script });
        judge('Chromium', await watch(() => page.evaluate(() => window.pairs), WANTED));
        judgeLoss();
      } finally {
        await browser.close();
      }
    },
    PATIENCE_MS,
  );

  // Firefox sends nothing to the path that loses packets: it is on loopback.
  const wanted = Math.ceil(WANTED / 3);
  const options = { ...needs(findFirefox(), 'Firefox (Debian: firefox-esr)'), timeout: PATIENCE_MS };
  it(`gives no wrong pair in ${wanted} in Firefox, without loss`, options, async () => {
    const firefox = await Firefox.launch();
    try {
      await firefox.navigate(`${server.base}/livez`);
      await firefox.evaluate(`(() => { ${script} })()`);
      judge('Firefox', await watch(() => firefox.evaluate<PairsReport>('window.pairs'), wanted));
    } finally {
      await firefox.close();
    }
  });
});
