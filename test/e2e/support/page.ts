import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { SMALL_PAGE } from './browser.ts';

/** Opens the server's page with these settings and waits for depth; fails with what the page was told. */
export async function openPage(
  browser: Browser,
  base: string,
  query: string,
  look: BrowserContextOptions = SMALL_PAGE,
): Promise<Page> {
  const page = await browser.newPage(look);
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(error.message));
  await page.goto(`${base}/bench?autostart=1&${query}`);
  await page
    .waitForFunction(() => window.depthcast.frames > 10, undefined, { timeout: 60_000 })
    .catch(async (error) => {
      const errors = await page.evaluate(() => window.depthcast.errors.map((e) => `${e.code} ${e.message}`));
      throw new Error(`no depth: ${[...failures, ...errors].join('; ')}`, { cause: error });
    });
  return page;
}
