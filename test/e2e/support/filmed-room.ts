import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { benchmarkProtocol, validMask } from '../../../src/evaluation/align.ts';
import { spearman } from '../../../src/evaluation/metrics.ts';
import type { DepthServer } from '../../../src/server/server.ts';
import { Network } from '../../support/impair/network.ts';
import { startApp } from './app.ts';
import { launchBrowser, SMALL_PAGE } from './browser.ts';
import { depthAt, truthCamera, watchNumbers } from './truth.ts';

/** As in truth.test.ts: a smeared, stale or wrong picture would agree less with the depth that its timestamp names. */
const WORST_RANK = 0.8;
/** Of the 256x192 maps: every fourth pixel. */
const STEP = 4;
const [W, H] = [256 / STEP, 192 / STEP];

export interface Received {
  rtpTimestamp: number;
  /** Milliseconds between capture and arrival, where both clocks are this machine's. */
  age: number;
  values: number[];
}

/** A browser whose camera shows a scene of known depth, and a server in this process, with a network between them. */
export interface FilmedRoom {
  server: DepthServer;
  network: Network;
  browser: Browser;
  page: Page;
  /** Waits for `count` depth frames from now on, and gives them. */
  moreFrames(count: number): Promise<Received[]>;
  /** Each of them is the depth of the very picture that its timestamp names. */
  checkTruth(frames: Received[]): void;
  /**
   * Errors that the page was told of, but for those that say why no depth came for a while: that a keyframe was lost, or that this
   * machine was too busy to decode. These are told on purpose, and the session goes on.
   */
  unexpectedErrors(): Promise<string[]>;
  close(): Promise<void>;
}

export async function filmRoom(): Promise<FilmedRoom> {
  const camera = truthCamera('room', 45);
  const watch = watchNumbers();
  const server = await startApp();
  const network = await Network.open({ server: server.base });
  const browser = await launchBrowser({ cameraFile: camera.file });
  const page = await browser.newPage(SMALL_PAGE);
  await page.goto(`${network.url}/bench?source=camera&autostart=1&data=u16&width=640&height=480`);
  const protocol = benchmarkProtocol(10);
  const room: FilmedRoom = {
    server,
    network,
    browser,
    page,
    moreFrames: (count) => moreFrames(page, count),
    checkTruth: (frames) => {
      for (const { rtpTimestamp, values } of frames) {
        const number = watch.numbers.get(rtpTimestamp);
        expect(number, `no picture had timestamp ${rtpTimestamp}`).toBeDefined();
        const depth = depthAt(camera.depths[number!]!, W, H);
        const disparity = depth.map((z) => 1 / z);
        expect(spearman(Float32Array.from(values), disparity, validMask(depth, protocol))).toBeGreaterThan(WORST_RANK);
      }
    },
    unexpectedErrors: () =>
      page.evaluate(() =>
        window.depthcast.errors
          .filter(({ code }) => code !== 'NO_KEYFRAME')
          .map(({ code, message }) => `${code}: ${message}`),
      ),
    close: async () => {
      watch.stop();
      await browser.close();
      await network.close();
      await server.close();
      camera.remove();
    },
  };
  await moreFrames(page, 60).catch(async (thrown) => {
    await room.close();
    throw thrown;
  });
  return room;
}

async function moreFrames(page: Page, count: number, timeout = 60_000): Promise<Received[]> {
  await page.waitForFunction(() => window.depthcast?.session, undefined, { timeout });
  return page.evaluate(
    ({ count, step, timeout }) =>
      new Promise<Received[]>((resolve, reject) => {
        const frames: Received[] = [];
        const { session } = window.depthcast;
        const stop = session!.on('depth', ({ rtpTimestamp, captureTime = Number.NaN, values, width }) => {
          const columns = width / step;
          const few = Array.from(
            { length: values.length / step ** 2 },
            (_, i) => values[Math.floor(i / columns) * step * width + (i % columns) * step]!,
          );
          frames.push({ rtpTimestamp, age: Date.now() - captureTime, values: few });
          if (frames.length < count) return;
          stop();
          resolve(frames);
        });
        const { errors, session: live } = window.depthcast;
        const state = () =>
          `${frames.length} of ${count} frames, ${live?.state.name}, ${errors.map(({ message }) => message).join('; ')}`;
        setTimeout(() => reject(new Error(state())), timeout);
      }),
    { count, step: STEP, timeout },
  );
}
