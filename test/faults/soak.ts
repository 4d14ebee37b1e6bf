// npm run soak: one stream for a long time beside others that come and go, and what that does to the server.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Network } from '../support/impair/network.ts';
import { sumMetric } from '../support/load/metrics.ts';
import { ServerProcess } from '../support/load/server-process.ts';
import { printTable } from '../support/load/table.ts';
import { Fleet, type FleetOptions, type FleetReport } from '../support/load/wrtc-fleet.ts';
import { numberOption } from '../support/number-option.ts';

const USAGE = `npm run soak -- [--minutes N] [--streams N] [--fps N] [--size WxH] [--loss SHARE] [--churn SECONDS] [--json FILE]

--streams (1) two-way streams of independent WebRTC peers for --minutes (60), and two more peers that stay for ten seconds and
leave, every --churn seconds (60; 0 for none). Reads the server's memory, handles, frame rate (of a stream) and latency (of the
slowest stream) every ten seconds, and prints how each changed. Handles, heap and lag are the main thread's: what media workers hold shows
in RSS and in open files.

  --loss SHARE   of UDP packets, both ways, 0..1
  --page NAME    another soak: of a page for mixers in a browser; npm run soak -- --page key --help

Examples:
  npm run soak
  npm run soak -- --minutes 10 --fps 10 --size 320x240 --loss 0.01
  npm run soak -- --streams 4
`;
const READ_MS = 10_000;
/** Caches fill and the compiler settles: not part of any slope. */
const WARM_UP_MINUTES = 3;
const CHURN_STAY_MS = 10_000;
/** Without depth for this long the soak ends; shorter breaks are counted: a machine may have other things to do. */
const MAX_SILENCE_MS = 60_000;
const MB = 1 << 20;

interface Reading {
  minute: number;
  rss: number;
  heap: number;
  /** RSS less what V8's heap of the main thread holds: libraries, codecs, networks, threads, and what malloc keeps. */
  native: number;
  handles: number;
  files: number;
  sessions: number;
  lagMs: number;
  fps: number;
  latencyMs: number;
  /** Media time of the last depth packet less the time that passed, ms: the clocks of source and depth drift apart. */
  drift: number;
}

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    minutes: { type: 'string', default: '60' },
    streams: { type: 'string', default: '1' },
    fps: { type: 'string', default: '15' },
    size: { type: 'string', default: '640x480' },
    loss: { type: 'string', default: '0' },
    churn: { type: 'string', default: '60' },
    json: { type: 'string' },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const minutes = numberOption('minutes', values.minutes, 0.5, 10_080);
const streams = numberOption('streams', values.streams, 1, 64);
const fps = numberOption('fps', values.fps, 1, 60);
const loss = numberOption('loss', values.loss, 0, 0.9);
const churn = numberOption('churn', values.churn, 0, 3600);
const [width = 0, height = 0] = values.size.split('x').map(Number);
if (!(width >= 64 && width <= 1920 && height >= 64 && height <= 1080)) {
  console.error('--size is WIDTHxHEIGHT, 64x64 to 1920x1080');
  process.exit(1);
}

// Visitors have to be let in however busy the machine is: refusing them is not what is tried here.
const server = await ServerProcess.start({
  overrides: { 'limits.utilisation': null, 'limits.streams': streams + 2, 'limits.setupsPerAddress': streams + 2 },
});
const network = await Network.open({ server: server.base, up: { loss }, down: { loss } });
const peers = { url: network.url, peers: 1, scene: 'room', width, height, fps, data: 'u8', track: 'gray' } as const;
const fleet = new Fleet({ ...peers, peers: streams } satisfies FleetOptions);
let stopped = false;
process.once('SIGINT', () => {
  stopped = true;
});
const visits = { done: 0, failed: [] as string[] };
const readings: Reading[] = [];
let failure: string | undefined;

try {
  await fleet.flowing(60_000);
  const visiting = visitors();
  await watch();
  stopped = true;
  await visiting;
} catch (thrown) {
  failure = (thrown as Error).message;
}
const errors = fleet.last?.peers.flatMap((peer) => peer.errors) ?? [];
const badPackets = packetsOf(fleet.last, 'badPackets');
const rejected = server.exited ? Number.NaN : await server.metric('depthcast_rejected_total');
const failed = server.exited ? Number.NaN : await server.metric('depthcast_frames_total', { outcome: 'failed' });
await fleet.stop();
await network.close();
await server.close();
report();
process.exit(failure === undefined && errors.length === 0 && badPackets === 0 ? 0 : 1);

function packetsOf(report: FleetReport | undefined, kind: 'packets' | 'badPackets'): number {
  return report?.peers.reduce((sum, peer) => sum + peer[kind], 0) ?? 0;
}

/** Reads everything every ten seconds until the time is over. */
async function watch(): Promise<void> {
  const began = performance.now();
  let last = fleet.last!;
  const first = last;
  let depthAt = performance.now();
  while (!stopped && performance.now() - began < minutes * 60_000) {
    await sleep(READ_MS);
    const now = await fleet.next();
    const text = await (await fetch(`${server.base}/metrics`)).text();
    const packets = packetsOf(now, 'packets') - packetsOf(last, 'packets');
    // Of all streams the first tells how clocks drift apart, and the slowest how long depth takes.
    const mediaMs = ((now.peers[0]!.lastTimestamp - first.peers[0]!.lastTimestamp) >>> 0) / 90;
    const slowest = Math.max(...now.peers.map(({ stats }) => stats?.latency.p95 ?? Number.NaN));
    const reading: Reading = {
      minute: (performance.now() - began) / 60_000,
      rss: sumMetric(text, 'process_resident_memory_bytes') / MB,
      heap: sumMetric(text, 'nodejs_heap_size_used_bytes') / MB,
      native: (sumMetric(text, 'process_resident_memory_bytes') - sumMetric(text, 'nodejs_heap_size_total_bytes')) / MB,
      handles: sumMetric(text, 'nodejs_active_resources'),
      files: sumMetric(text, 'process_open_fds'),
      sessions: sumMetric(text, 'depthcast_sessions'),
      lagMs: 1000 * sumMetric(text, 'nodejs_eventloop_lag_p99_seconds'),
      fps: (1000 * packets) / (now.at - last.at) / streams,
      latencyMs: slowest,
      drift: mediaMs - (now.at - first.at),
    };
    readings.push(reading);
    // Each of them has to have depth.
    if (now.peers.every((peer, n) => peer.packets > last.peers[n]!.packets)) depthAt = performance.now();
    else if (performance.now() - depthAt > MAX_SILENCE_MS)
      throw new Error(
        `a stream had no depth for ${MAX_SILENCE_MS / 1000} s: ${now.peers.flatMap(({ errors }) => errors).join()}`,
      );
    last = now;
    if (process.stdout.isTTY)
      process.stdout.write(
        `\r${reading.minute.toFixed(1)} min  ${reading.fps.toFixed(1)} fps  p95 ${reading.latencyMs.toFixed(0)} ms  ` +
          `RSS ${reading.rss.toFixed(0)} MiB  `,
      );
  }
}

/** Peers that come, get depth, and leave. */
async function visitors(): Promise<void> {
  while (!stopped && churn > 0) {
    for (let waited = 0; waited < churn * 1000 && !stopped; waited += 500) await sleep(500);
    if (stopped) return;
    const visit = new Fleet({ ...peers, peers: 2, scene: 'static' });
    try {
      await visit.flowing(60_000);
      await sleep(CHURN_STAY_MS);
      visits.done++;
    } catch (thrown) {
      visits.failed.push((thrown as Error).message);
    }
    await visit.stop();
  }
}

function report(): void {
  if (process.stdout.isTTY) console.log();
  const step = Math.max(1, Math.floor(readings.length / 12));
  const shown = readings.filter((_, i) => (i + 1) % step === 0);
  printTable(
    `Soak: ${(readings.at(-1)?.minute ?? 0).toFixed(1)} minutes of ${streams > 1 ? `${streams} streams of ` : ''}${width}x${height} at ${fps} fps, loss ${loss}`,
    ['minute', 'RSS, MiB', 'heap, MiB', 'native, MiB', 'handles', 'files', 'sessions', 'fps', 'p95, ms', 'lag p99, ms'],
    shown.map((r) => [
      r.minute.toFixed(1),
      r.rss.toFixed(0),
      r.heap.toFixed(0),
      r.native.toFixed(0),
      `${r.handles}`,
      `${r.files}`,
      `${r.sessions}`,
      r.fps.toFixed(1),
      r.latencyMs.toFixed(0),
      r.lagMs.toFixed(1),
    ]),
  );
  const settled = readings.filter(({ minute }) => minute >= WARM_UP_MINUTES);
  const slope = (key: keyof Reading, of = 1) =>
    ((60 / of) * slopeOf(settled.map((r) => [r.minute, r[key]]))).toFixed(1);
  console.log(`Change an hour, after ${WARM_UP_MINUTES} minutes:`);
  console.log(
    `  RSS ${slope('rss')} MiB, heap ${slope('heap')} MiB, native ${slope('native')} MiB, handles ${slope('handles')}, files ${slope('files')}`,
  );
  if (streams > 1) console.log(`  RSS a stream ${slope('rss', streams)} MiB (goal at the limit of a machine: below 1)`);
  console.log(`  fps ${slope('fps')}, p95 ${slope('latencyMs')} ms, media clock ${slope('drift')} ms`);
  console.log(
    `Visits: ${visits.done} done, ${visits.failed.length} failed. Bad packets: ${badPackets}. Failed frames: ${failed}.`,
  );
  console.log(`Readings of ${READ_MS / 1000} s without depth: ${readings.filter((r) => r.fps === 0).length}`);
  console.log(`Refused by the server: ${rejected}. Errors told to the stream: ${errors.join('; ') || 'none'}`);
  for (const message of visits.failed.slice(0, 5)) console.log(`A visit failed: ${message}`);
  if (failure !== undefined) console.log(`Ended early: ${failure}`);
  if (values.json !== undefined)
    writeFileSync(values.json, JSON.stringify({ options: values, readings, visits, badPackets, errors, failure }));
}

/** Least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const known = points.filter(([, y]) => Number.isFinite(y));
  const mean = (i: 0 | 1) => known.reduce((sum, point) => sum + point[i], 0) / known.length;
  const [mx, my] = [mean(0), mean(1)];
  let [above, below] = [0, 0];
  for (const [x, y] of known) {
    above += (x - mx) * (y - my);
    below += (x - mx) ** 2;
  }
  return below > 0 ? above / below : Number.NaN;
}
