import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processUsage } from '../test/support/load/process-usage.ts';
import { ServerProcess } from '../test/support/load/server-process.ts';
import { printMarkdown, printTable } from '../test/support/load/table.ts';
import { Fleet } from '../test/support/load/wrtc-fleet.ts';
import { writeLumaModel } from '../test/support/luma-model.ts';
import { printGoals } from './goals.ts';
import { median, record } from './record.ts';

/** Small and slow, so that the most streams and their senders leave two cores some time: on a full machine every frame costs more. */
const VIDEO = { scene: 'room', width: 320, height: 240, data: 'u16', track: 'gray' } as const;
const FPS = 5;
/** Of the network's input, as the embedded one has it. */
const NETWORK = { width: 256, height: 192 };
const STREAMS = [1, 2, 4, 8, 16, 32];
const IDLE_SECONDS = 2;
const ATTEMPTS = 4;
const SETTLE_SECONDS = 6;
const REPORTS_A_SECOND = 2;
const MIB = 2 ** 20;
/** What a frame and a stream cost may differ by so much. */
const FLAT = 1.15;

interface Point {
  streams: number;
  fps: number;
  /** ms of CPU a frame, of the whole server. */
  cpu: number;
  cores: number;
  p50: number;
  p95: number;
  /** MiB; before the first stream, and with all. */
  idle: number;
  rss: number;
  /** Open files, sockets among them, that each stream has. */
  files: number;
}

/**
 * What a frame and a stream cost when there are more of them: a server of its own for each number, with a network that costs next to
 * nothing in place of inference (its depth is the red of the picture).
 */
export async function benchGrowth({
  seconds = 20,
  markdown = false,
  most = STREAMS.at(-1)!,
  fps = FPS,
} = {}): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-bench-'));
  const points: Point[] = [];
  try {
    const model = writeLumaModel(folder, NETWORK.width, NETWORK.height);
    for (const streams of STREAMS.filter((count) => count <= most))
      points.push(await measure(model, streams, fps, seconds));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const print = markdown ? printMarkdown : printTable;
  const { width, height } = VIDEO;
  print(
    `Streams of ${width}x${height}@${fps}, VP8 in, gray track and u16 out, constant network in place of inference`,
    [
      'streams',
      'fps out',
      'CPU ms a frame',
      'cores',
      'p50',
      'p95',
      'RSS MiB',
      'RSS MiB a further stream',
      'files each',
    ],
    points.map((point, n) => [
      String(point.streams),
      point.fps,
      point.cpu,
      point.cores,
      point.p50,
      point.p95,
      Math.round(point.rss),
      further(points, n),
      point.files,
    ]),
  );
  const kept = points.filter((point) => point.fps >= 0.95 * fps);
  if (kept.length < points.length)
    console.log(
      `  With ${points.length - kept.length} of these numbers the machine was full: they do not count below.`,
    );
  // A number that is not above zero, as memory that was given back meanwhile, has no ratio to others.
  const spread = (values: number[]) => (Math.min(...values) > 0 ? Math.max(...values) / Math.min(...values) : Infinity);
  const memory = kept.slice(1).map((point) => further(points, points.indexOf(point)));
  printGoals([
    { name: 'CPU a frame, most over least', value: spread(kept.map((point) => point.cpu)), most: FLAT },
    { name: 'p95, most over least', value: spread(kept.map((point) => point.p95)), most: FLAT },
    // Of a single step there is nothing to compare.
    ...(memory.length > 2
      ? [{ name: 'RSS a further stream, from 4 on, most over least', value: spread(memory.slice(1)), most: FLAT }]
      : []),
  ]);
  for (const point of points) {
    record(`growth: ${point.streams} streams, CPU a frame`, point.cpu, 'ms CPU');
    record(`growth: ${point.streams} streams, RSS`, point.rss, 'MiB');
  }
}

/** MiB that each stream took that the point before did not have. */
function further(points: readonly Point[], n: number): number {
  const now = points[n]!;
  const before = points[n - 1] ?? { rss: now.idle, streams: 0 };
  return (now.rss - before.rss) / (now.streams - before.streams);
}

/** On a busy machine a server may take no more while the first streams begin: once more then. */
async function flowing(streams: number, fps: number, url: string): Promise<Fleet> {
  for (let attempt = 1; ; attempt++) {
    const fleet = new Fleet({ ...VIDEO, fps, peers: streams, url });
    try {
      await fleet.flowing(60_000);
      return fleet;
    } catch (thrown) {
      await fleet.stop();
      if (attempt === ATTEMPTS) throw thrown;
      console.error(`${streams} streams: ${(thrown as Error).message.slice(0, 100)}; once more`);
    }
  }
}

async function measure(model: string, streams: number, fps: number, seconds: number): Promise<Point> {
  const server = await ServerProcess.start({
    quiet: true,
    overrides: {
      'depth.model': model,
      'depth.workers': 1,
      'depth.threads': 1,
      'limits.streams': streams + 1,
      'limits.setups': streams,
      'limits.utilisation': null,
      'limits.sessionsPerAddress': 4096,
      'limits.setupsPerAddress': 4096,
      'limits.connectionsPerAddress': 4096,
    },
  });
  const usage = () => processUsage(server.pid) ?? { cpuSeconds: Number.NaN, rssBytes: Number.NaN };
  const files = () => readdirSync(`/proc/${server.pid}/fd`).length;
  let fleet: Fleet | undefined;
  try {
    await sleep(IDLE_SECONDS * 1000);
    const idle = { rss: usage().rssBytes, files: files() };
    fleet = await flowing(streams, fps, server.base);
    for (let n = 0; n < SETTLE_SECONDS * REPORTS_A_SECOND; n++) await fleet.next();
    const [first, before] = [await fleet.next(), usage()];
    const latencies: { p50: number; p95: number }[] = [];
    let last = first;
    for (let n = 0; n < seconds * REPORTS_A_SECOND; n++) {
      last = await fleet.next();
      latencies.push(...last.peers.flatMap(({ stats }) => stats?.latency ?? []));
    }
    const after = usage();
    const took = (last.at - first.at) / 1000;
    const frames = last.peers.reduce((sum, peer, n) => sum + peer.frames - first.peers[n]!.frames, 0);
    const spent = after.cpuSeconds - before.cpuSeconds;
    return {
      streams,
      fps: frames / took / streams,
      cpu: (1000 * spent) / frames,
      cores: spent / took,
      p50: median(latencies.map(({ p50 }) => p50)),
      p95: median(latencies.map(({ p95 }) => p95)),
      idle: idle.rss / MIB,
      rss: after.rssBytes / MIB,
      files: (files() - idle.files) / streams,
    };
  } finally {
    await fleet?.stop();
    await server.close();
  }
}
