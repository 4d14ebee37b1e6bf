// npm run soak -- --page key: one page for mixers in a real browser for a long time, and every picture that it shows.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { CDPSession, Page } from 'playwright-core';
import type {} from '../../client/studio/air.ts';
import { launchBrowser } from '../e2e/support/browser.ts';
import { sumMetric } from '../support/load/metrics.ts';
import { processUsage } from '../support/load/process-usage.ts';
import { ServerProcess } from '../support/load/server-process.ts';
import { printTable } from '../support/load/table.ts';
import { Fleet } from '../support/load/wrtc-fleet.ts';
import { numberOption } from '../support/number-option.ts';

const USAGE = `npm run soak -- --page key|matte|fill|both [--minutes N] [--fps N] [--size WxH] [--network N] [--json FILE]

A server, a WHIP publisher of an independent WebRTC stack, and the page of its stream in headless Chromium, for --minutes (60).
Counts the pictures that the browser presents (requestVideoFrameCallback) and the time from each to the next; a line a minute,
a table at the end. Ends with 1 where the picture stood still for over a second or the page connected again.

  --fps N       of the publisher (25)          --size WxH    of its pictures (640x360)
  --network N   pixels of the network's longer side (160): the soak is of the page, not of the processor

Examples:
  npm run soak -- --page key
  npm run soak -- --page matte --minutes 5 --size 320x180
`;
const PAGES = ['key', 'matte', 'fill', 'both'] as const;
const STREAM = 'soak';
const READ_MS = 60_000;
/** ms without a new picture that a viewer takes for a stall, and that one who looks closely sees. */
const STALL_MS = 1000;
const HITCH_MS = 200;
/** Pictures before counting begins: a jitter buffer that settles, code that is compiled. */
const WARM_UP = 100;
const MB = 1 << 20;

/** Counted in the page itself: nothing of what a busy test process misses is missing here. */
const OBSERVE = `(() => {
  const video = document.getElementById('video');
  let last, seen;
  const clear = () => (seen = { frames: 0, longest: 0, hitches: 0, stalls: [] });
  clear();
  const gap = (now) => {
    const ms = now - last;
    seen.longest = Math.max(seen.longest, ms);
    if (ms > ${HITCH_MS}) seen.hitches++;
    if (ms > ${STALL_MS} && seen.stalls.length < 100) seen.stalls.push({ at: new Date().toISOString(), ms });
  };
  let before = 0;
  video.requestVideoFrameCallback(function look(_, { presentationTime, presentedFrames }) {
    if (last !== undefined) gap(presentationTime);
    last = presentationTime;
    // Pictures are presented without a callback where the page was late; a new stream counts from one again.
    seen.frames += presentedFrames > before ? presentedFrames - before : 1;
    before = presentedFrames;
    video.requestVideoFrameCallback(look);
  });
  window.takeSeen = () => {
    const taken = { ...seen, heap: performance.memory.usedJSHeapSize, connections: depthcastAir.view.connections };
    // A picture that stands still now has no end yet.
    taken.waiting = performance.now() - last;
    clear();
    return taken;
  };
})()`;

/** Of one stretch of time, as the page tells it. */
interface Seen {
  frames: number;
  longest: number;
  hitches: number;
  stalls: { at: string; ms: number }[];
  heap: number;
  connections: number;
  /** ms since the last picture. */
  waiting: number;
}
interface Reading extends Seen {
  minute: number;
  /** Pictures that the publisher made, and frames of depth that the server sent to the page. */
  published: number;
  sent: number;
  /** Not sent, since the server took the page for a viewer that cannot keep up. */
  shed: number;
  serverRss: number;
  pageRss: number;
  browserRss: number;
}

const { values } = parseArgs({
  options: {
    page: { type: 'string', default: 'key' },
    help: { type: 'boolean', short: 'h' },
    minutes: { type: 'string', default: '60' },
    fps: { type: 'string', default: '25' },
    size: { type: 'string', default: '640x360' },
    network: { type: 'string', default: '160' },
    json: { type: 'string' },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const kind = PAGES.find((name) => name === values.page);
const minutes = numberOption('minutes', values.minutes, 0.2, 10_080);
const fps = numberOption('fps', values.fps, 1, 60);
const network = numberOption('network', values.network, 64, 1024);
const [width = 0, height = 0] = values.size.split('x').map(Number);
if (kind === undefined || !(width >= 64 && width <= 1920 && height >= 64 && height <= 1080)) {
  console.error(`--page is ${PAGES.join(', ')}; --size is WIDTHxHEIGHT, 64x64 to 1920x1080`);
  process.exit(1);
}

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
const readings: Reading[] = [];
let failure: string | undefined;

const server = await ServerProcess.start({
  overrides: { 'depth.size': network, 'limits.utilisation': null },
  quiet: true,
});
const publisher = new Fleet({
  ...{ url: server.base, whip: STREAM, peers: 1, scene: 'person', width, height, fps },
  ...{ data: 'off', track: 'off' },
});
const browser = await launchBrowser();
try {
  await publisher.flowing();
  const page = await browser.newPage({ viewport: { width: 640, height: 360 } });
  await page.goto(`${server.base}/${kind}/${STREAM}`);
  await page.evaluate(OBSERVE);
  await page.waitForFunction(
    `takeSeen.begun = (takeSeen.begun ?? 0) + takeSeen().frames, takeSeen.begun > ${WARM_UP}`,
    undefined,
    {
      timeout: 120_000,
      polling: 500,
    },
  );
  await watch(page, await browser.newBrowserCDPSession());
} catch (thrown) {
  failure = (thrown as Error).message;
}
await browser.close();
await publisher.stop();
await server.close();
report();

/** Reads everything once a minute until the time is over. */
async function watch(page: Page, devtools: CDPSession): Promise<void> {
  const began = performance.now();
  const first = { published: (await publisher.next()).sent, ...(await framesOf(server)) };
  let before = first;
  await page.evaluate('takeSeen()');
  for (
    let left = minutes * 60_000;
    left > 0 && !stop.signal.aborted;
    left = minutes * 60_000 - (performance.now() - began)
  ) {
    await sleep(Math.min(READ_MS, left), undefined, { signal: stop.signal }).catch(() => {});
    const seen = await page.evaluate<Seen>('takeSeen()');
    const now = { published: (await publisher.next()).sent, ...(await framesOf(server)) };
    const reading: Reading = {
      ...seen,
      longest: Math.max(seen.longest, seen.waiting),
      minute: (performance.now() - began) / 60_000,
      published: now.published - before.published,
      sent: now.sent - before.sent,
      shed: now.shed - before.shed,
      serverRss: rss(server.pid),
      ...(await memoryOf(devtools)),
    };
    readings.push(reading);
    before = now;
    console.log(
      `${reading.minute.toFixed(1)} min: ${reading.frames} pictures of ${reading.published}, longest wait ${reading.longest.toFixed(0)} ms, ` +
        `connections ${reading.connections}, RSS of the server ${reading.serverRss.toFixed(0)} MiB, of the page ${reading.pageRss.toFixed(0)} MiB`,
    );
  }
}

async function framesOf(of: ServerProcess): Promise<{ sent: number; shed: number }> {
  const text = await (await fetch(`${of.base}/metrics`)).text();
  const count = (outcome: string) => sumMetric(text, 'depthcast_track_frames_total', { outcome });
  return { sent: count('sent'), shed: count('shed') };
}

function rss(pid: number): number {
  return (processUsage(pid)?.rssBytes ?? Number.NaN) / MB;
}

async function memoryOf(devtools: CDPSession): Promise<{ pageRss: number; browserRss: number }> {
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  const sum = (pids: number[]) => pids.reduce((total, pid) => total + (rss(pid) || 0), 0);
  const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  return { pageRss: sum(renderers), browserRss: sum(processInfo.map(({ id }) => id)) };
}

function report(): never {
  const step = Math.max(1, Math.floor(readings.length / 12));
  const total = (key: 'frames' | 'published' | 'sent' | 'shed' | 'hitches') =>
    readings.reduce((sum, one) => sum + one[key], 0);
  const stalls = readings.flatMap((one) => one.stalls);
  const longest = Math.max(...readings.map((one) => one.longest));
  const again = (readings.at(-1)?.connections ?? 0) - 1;
  printTable(
    `/${kind} in Chromium: ${(readings.at(-1)?.minute ?? 0).toFixed(1)} minutes of ${width}x${height} at ${fps} fps, network ${network}`,
    ['minute', 'shown', 'published', 'longest wait, ms', 'server RSS, MiB', 'page RSS', 'browser RSS', 'page heap'],
    readings
      .filter((_, i) => (i + 1) % step === 0)
      .map((one) => [
        one.minute.toFixed(1),
        `${one.frames}`,
        `${one.published}`,
        one.longest.toFixed(0),
        one.serverRss.toFixed(0),
        one.pageRss.toFixed(0),
        one.browserRss.toFixed(0),
        (one.heap / MB).toFixed(1),
      ]),
  );
  console.log(
    `Pictures: ${total('published')} published, ${total('sent')} sent to the page, ${total('shed')} kept back from it as from a slow viewer, ${total('frames')} presented. Longest wait for one: ${longest.toFixed(0)} ms.`,
  );
  console.log(
    `Waits over ${HITCH_MS} ms: ${total('hitches')}; over ${STALL_MS} ms: ${stalls.length}. Connected again: ${again} times.`,
  );
  for (const { at, ms } of stalls.slice(0, 20)) console.log(`  ${at}: ${ms.toFixed(0)} ms`);
  if (failure !== undefined) console.log(`Ended early: ${failure}`);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ options: values, readings, failure }));
  process.exit(failure === undefined && readings.length > 0 && longest <= STALL_MS && again === 0 ? 0 : 1);
}
