import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { benchmarkProtocol, validMask } from '../../src/eval/align.ts';
import { spearman } from '../../src/eval/metrics.ts';
import type { DepthServer } from '../../src/server/server.ts';
import type { Impairment } from '../support/impair/impairment.ts';
import { Network } from '../support/impair/network.ts';
import { startApp } from './support/app.ts';
import { launchBrowser } from './support/browser.ts';
import { depthAt, type TruthCamera, truthCamera, watchNumbers } from './support/truth.ts';

/** As in truth.test.ts: a smeared, stale or wrong picture would agree less with the depth that its timestamp names. */
const WORST_RANK = 0.8;
/** Of the 256x192 maps: every fourth pixel. */
const STEP = 4;
const [W, H] = [256 / STEP, 192 / STEP];

let camera: TruthCamera;
let watch: ReturnType<typeof watchNumbers>;
let server: DepthServer & { base: string };
let network: Network;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  camera = truthCamera('room', 90);
  watch = watchNumbers();
  server = await startApp();
  network = await Network.open({ server: server.base });
  browser = await launchBrowser({ cameraFile: camera.file });
  page = await browser.newPage();
  await page.goto(`${network.url}/?source=camera&autostart=1&data=u16&width=640&height=480`);
  await moreFrames(60);
});
afterAll(async () => {
  watch.stop();
  await browser.close();
  await network.close();
  await server.close();
  camera.remove();
});
beforeEach(() => network.impair({ up: {}, down: {} }));

interface Received {
  rtpTimestamp: number;
  /** Milliseconds between capture and arrival, where both clocks are this machine's. */
  age: number;
  values: number[];
}

/** Waits for `count` depth frames from now on, and gives them. */
async function moreFrames(count: number, timeout = 60_000): Promise<Received[]> {
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

/** Each of them is the depth of the very picture that its timestamp names. */
function checkTruth(frames: Received[]): void {
  const protocol = benchmarkProtocol(10);
  for (const { rtpTimestamp, values } of frames) {
    const number = watch.numbers.get(rtpTimestamp);
    expect(number, `no picture had timestamp ${rtpTimestamp}`).toBeDefined();
    const depth = depthAt(camera.depths[number!]!, W, H);
    const disparity = depth.map((z) => 1 / z);
    expect(spearman(Float32Array.from(values), disparity, validMask(depth, protocol))).toBeGreaterThan(WORST_RANK);
  }
}

describe('a bad network between a browser and the server', () => {
  it.each<[string, Impairment, number]>([
    ['5 % loss', { loss: 0.05 }, 15],
    ['loss in bursts of five packets', { burst: { enter: 0.01, leave: 0.2 } }, 15],
    ['a delay of 40 ms with 30 ms of jitter', { delayMs: 40, jitterMs: 30 }, 15],
    ['every tenth packet 25 ms late', { reorder: 0.1, reorderMs: 25 }, 8],
    ['every fifth packet twice', { duplicate: 0.2 }, 20],
  ])('%s, both ways: right depth keeps coming', async (_name, impairment, count) => {
    network.impair({ up: impairment, down: impairment });
    const before = network.getStats();
    checkTruth(await moreFrames(count));
    const { up, down } = network.getStats();
    expect(up.received).toBeGreaterThan(before.up.received);
    expect(down.received).toBeGreaterThan(before.down.received);
    expect(await page.evaluate(() => window.depthcast.session?.state.name)).toBe('live');
  });
});
