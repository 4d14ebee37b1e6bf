import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
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
let script: string;

beforeAll(async () => {
  server = await startApp({ 'depth.model': writeLumaModel(folder, 320, 240) });
  script = await pageScript('pairs-page.ts');
});
afterAll(async () => {
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

function judge(
  name: string,
  network: Network,
  { right, wrong, unreadable, unpaired, broken, left, ages, sent }: PairsReport,
): void {
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

interface Opened {
  evaluate<T>(expression: string): Promise<T>;
  close(): Promise<unknown>;
}

/** Another than loopback: the only one of this machine to which Firefox sends. */
const outwards = Object.values(networkInterfaces())
  .flatMap((interfaces) => interfaces ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

async function openFirefox(network: Network): Promise<Opened> {
  const firefox = await Firefox.launch();
  await firefox.navigate(`${network.url}/livez`);
  return firefox;
}

async function openChromium(network: Network): Promise<Opened> {
  const browser = await launchBrowser();
  const page = await browser.newPage();
  await page.goto(`${network.url}/livez`);
  return { evaluate: (expression) => page.evaluate(expression), close: () => browser.close() };
}

describe.each([
  ['Chromium', openChromium, '127.0.0.1', WANTED, {}],
  [
    'Firefox',
    openFirefox,
    outwards ?? '127.0.0.1',
    Math.ceil(WANTED / 3),
    needs(findFirefox() && outwards, 'Firefox (Debian: firefox-esr) and a network'),
  ],
] as const)(
  'pictures and their depth in %s, at 5 % loss, while the camera changes its rate',
  (name, open, address, wanted, options) => {
    it(`gives no wrong pair in ${wanted}`, { ...options, timeout: PATIENCE_MS + 60_000 }, async () => {
      const impairment = { up: { loss: 0.05 }, down: { loss: 0.05 } };
      const network = await Network.open({ server: server.base, address, ...impairment });
      const page = await open(network);
      try {
        await page.evaluate(`(() => { ${script} })()`);
        judge(name, network, await watch(() => page.evaluate<PairsReport>('window.pairs'), wanted));
      } finally {
        await page.close();
        await network.close();
      }
    });
  },
);
