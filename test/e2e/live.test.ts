import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { startApp } from './support/app.ts';
import { launchBrowser } from './support/browser.ts';
import { openPage } from './support/page.ts';

let server: DepthServer & { base: string };
let browser: Browser;

beforeAll(async () => {
  server = await startApp();
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

describe('a two-way session', () => {
  it.each(['VP8', 'H264'])('%s: the gray track plays, with the RTP timestamps of its source frames', async (codec) => {
    const page = await openPage(browser, server.base, `source=scene:room&data=u16&codec=${codec}`);
    const seen = await page.evaluate(async () => {
      const { session } = window.depthcast;
      const video = document.createElement('video');
      video.muted = true;
      video.srcObject = session!.depthStream;
      await video.play();
      const data = new Set<number>();
      session!.on('depth', (frame) => data.add(frame.rtpTimestamp));
      const shown: { timestamp: number; time: number }[] = [];
      await new Promise<void>((resolve) => {
        const next = (_now: number, metadata: VideoFrameCallbackMetadata) => {
          shown.push({ timestamp: metadata.rtpTimestamp!, time: video.currentTime });
          if (shown.length >= 60) resolve();
          else video.requestVideoFrameCallback(next);
        };
        video.requestVideoFrameCallback(next);
        setTimeout(resolve, 20_000);
      });
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
      const context = canvas.getContext('2d')!;
      context.drawImage(video, 0, 0);
      const { data: pixels } = context.getImageData(0, 0, canvas.width, canvas.height);
      let [low, high, colour] = [255, 0, 0];
      for (let i = 0; i < pixels.length; i += 4) {
        low = Math.min(low, pixels[i]!);
        high = Math.max(high, pixels[i]!);
        colour = Math.max(colour, Math.abs(pixels[i]! - pixels[i + 1]!), Math.abs(pixels[i]! - pixels[i + 2]!));
      }
      return { data: [...data], shown, size: [video.videoWidth, video.videoHeight], low, high, colour };
    });
    await page.waitForFunction((name) => window.depthcast.stats?.source.codec === name, codec);
    expect(seen.size).toEqual([640, 480]);
    expect(seen.shown.length).toBeGreaterThanOrEqual(60);
    const times = seen.shown.map(({ time }) => time);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(0.9);
    // The first may be older than the listener on the data channel; some data may have been dropped.
    const known = new Set(seen.data);
    const matched = seen.shown.slice(10).filter(({ timestamp }) => known.has(timestamp)).length;
    expect(matched / (seen.shown.length - 10)).toBeGreaterThan(0.5);
    // Gray, over the whole of its range.
    expect(seen.colour).toBeLessThanOrEqual(4);
    expect(seen.low).toBeLessThan(25);
    expect(seen.high).toBeGreaterThan(230);
    await page.close();
  });
});
