import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { startApp } from '../e2e/support/app.ts';
import { launchBrowser } from '../e2e/support/browser.ts';

const root = new URL('../../', import.meta.url).pathname;

describe('the examples for browsers, with a person before the camera', () => {
  let server: (DepthServer & { base: string }) | undefined;
  let browser: Browser | undefined;
  beforeAll(async () => {
    server = await startApp();
    browser = await launchBrowser({ args: ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'] });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** RGB of each pixel of what an example has drawn after some frames, and what it says. */
  async function look(name: string, query: string, frames: number) {
    const command = [join(root, 'scripts/example.mjs'), name, '--server', server!.base, '--port', '0'];
    const program = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    let page: Page | undefined;
    try {
      const url = await new Promise<string>((resolve, reject) => {
        program.once('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)));
        program.stdout.on('data', (text) => {
          said += text;
          const [address] = /http:\/\/localhost:\d+\//.exec(said) ?? [];
          if (address) resolve(address);
        });
      });
      page = await browser!.newPage({ viewport: { width: 480, height: 360 } });
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      await page.goto(`${url}?${query}`);
      await page.waitForFunction((n) => Number(document.body.dataset['frames'] ?? 0) >= n, frames, { timeout: 90_000 });
      const seen = await page.evaluate(() => {
        const view = document.querySelector<HTMLCanvasElement>('#view')!;
        const pen = new OffscreenCanvas(view.width, view.height).getContext('2d')!;
        pen.drawImage(view, 0, 0);
        const { data, width, height } = pen.getImageData(0, 0, view.width, view.height);
        return { data: [...data], width, height, note: document.querySelector('#note')!.textContent };
      });
      await page.screenshot({ path: join(root, 'test-artefacts', `example-${name}-${query.replace(/\W/g, '-')}.png`) });
      expect(faults).toEqual([]);
      const at = (x: number, y: number) => {
        const i = 4 * (Math.floor(y * seen.height) * seen.width + Math.floor(x * seen.width));
        return seen.data.slice(i, i + 3) as [number, number, number];
      };
      return { ...seen, at };
    } finally {
      await page?.close();
      program.kill('SIGINT');
      if (program.exitCode === null && program.signalCode === null) await once(program, 'exit');
    }
  }

  const isOrange = ([r, g, b]: [number, number, number]) => r > 150 && g < 130 && b < 60;

  it('ar-occlusion hides what of the cube is behind the person', async () => {
    const { at, note } = await look('ar-occlusion', 'source=scene:person', 3);
    expect(note).toMatch(/^The picture is \d+ ms old, and so is its depth$/);
    // However it is turned, the cube reaches over both places: the wall, and the person's face.
    expect(isOrange(at(0.66, 0.4))).toBe(true);
    expect(isOrange(at(0.51, 0.32))).toBe(false);
  }, 120_000);

  it('ar-occlusion shows the newest picture of the camera, and says what is carried over to it', async () => {
    const { at, note } = await look('ar-occlusion', 'newest', 3);
    expect(note).toMatch(/^Depth is \d+ ms old, carried over/);
    // The green of Chromium's own camera.
    const [r, g, b] = at(0.03, 0.5);
    expect(g - Math.max(r, b)).toBeGreaterThan(60);
  }, 120_000);

  it('point-cloud shows the picture as points in space', async () => {
    const { data, note } = await look('point-cloud', 'source=scene:person', 2);
    expect(note).toMatch(/^\d+ points, \d+ ms old$/);
    const drawn = data.filter((value, i) => i % 4 === 1 && value > 20).length / (data.length / 4);
    expect(drawn).toBeGreaterThan(0.2);
    expect(drawn).toBeLessThan(0.95);
  }, 120_000);
});
