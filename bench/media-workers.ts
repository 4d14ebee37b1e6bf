import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config/load.ts';
import { startServer } from '../src/server/server.ts';
import { readSchedule } from '../src/webrtc/index.ts';
import { printTable, quantile } from '../test/support/load/table.ts';
import { Fleet } from '../test/support/load/wrtc-fleet.ts';
import { writeLumaModel } from '../test/support/luma-model.ts';
import { printGoals } from './goals.ts';
import { record } from './record.ts';

/** Small, so that eight of them with their senders leave two cores some time: on a full machine every frame costs more. */
const VIDEO = { scene: 'room', width: 320, height: 240, data: 'u16', track: 'gray' } as const;
/** Of the network's input, as the embedded one has it. */
const NETWORK = { width: 256, height: 192 };
const REPORTS_A_SECOND = 2;
const SETTLE_SECONDS = 8;

interface Measured {
  /** ms of CPU a frame of any stream: of the main thread, of each media worker, and of all threads of the process. */
  main: number;
  media: number[];
  all: number;
  fps: number;
  latency: { p50: number; p95: number };
  rss: number;
}

/**
 * What peers cost the main thread and each media worker, with a network that costs nothing in place of inference (its depth is the
 * red of the picture, a constant amount of work), so that nothing else limits the streams.
 */
export async function benchMediaWorkers({ streams = 8, fps = 10, seconds = 15 } = {}): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-bench-'));
  try {
    const model = writeLumaModel(folder, NETWORK.width, NETWORK.height);
    const runs = new Map<number, Measured>();
    for (const workers of [0, 1, 2]) runs.set(workers, await measure(model, workers, streams, fps, seconds));
    printTable(
      `${streams} streams of 320x240@${fps}, VP8 in, gray track and u16 out, constant network in place of inference; CPU ms a frame`,
      [
        'media workers',
        'main thread',
        'busiest worker',
        'workers together',
        'whole process',
        'fps out',
        'p50',
        'p95',
        'RSS MiB',
      ],
      [...runs].map(([workers, run]) => [
        String(workers),
        run.main,
        workers === 0 ? '-' : Math.max(...run.media),
        workers === 0 ? '-' : run.media.reduce((sum, one) => sum + one),
        run.all,
        run.fps,
        run.latency.p50,
        run.latency.p95,
        Math.round(run.rss / 2 ** 20),
      ]),
    );
    const [one, two] = [runs.get(1)!, runs.get(2)!];
    const busiest = ({ main, media }: Measured) => Math.max(main, ...media);
    printGoals([
      { name: 'main thread with workers, ms a frame', value: Math.max(one.main, two.main), most: 0.4 },
      { name: 'busiest thread, two workers over one', value: busiest(two) / busiest(one), most: 0.55 },
    ]);
    const kept = ({ fps: out }: Measured) => out >= 0.95 * fps;
    if (!kept(one) || !kept(two))
      console.log('  The streams did not keep up: on a full machine every frame costs more, and this says little.');
    for (const [workers, run] of runs) {
      record(`media-workers: ${workers}, main thread`, run.main, 'ms CPU');
      record(`media-workers: ${workers}, busiest thread`, busiest(run), 'ms CPU');
      record(`media-workers: ${workers}, whole process`, run.all, 'ms CPU');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  model: string,
  workers: number,
  streams: number,
  fps: number,
  seconds: number,
): Promise<Measured> {
  const config = loadConfig({
    file: 'config/depthcast.yaml',
    overrides: {
      'server.port': 0,
      'server.mediaWorkers': workers,
      'depth.model': model,
      'depth.workers': 1,
      'depth.threads': 1,
      'limits.utilisation': null,
      'limits.setupsPerAddress': streams,
    },
  });
  const server = await startServer({ config, version: 'bench' });
  const fleet = new Fleet({ ...VIDEO, fps, peers: streams, url: `http://127.0.0.1:${server.port}` });
  const cpu = () => ({
    main: (readSchedule()?.[0] ?? Number.NaN) / 1e6,
    media: server.context.peers.workers.map(({ cpuSeconds = Number.NaN }) => 1000 * cpuSeconds),
    all: process.cpuUsage(),
  });
  try {
    await fleet.flowing();
    for (let n = 0; n < SETTLE_SECONDS * REPORTS_A_SECOND; n++) await fleet.next();
    const [first, before] = [await fleet.next(), cpu()];
    const latencies: { p50: number; p95: number }[] = [];
    let last = first;
    for (let n = 0; n < seconds * REPORTS_A_SECOND; n++) {
      last = await fleet.next();
      latencies.push(...last.peers.flatMap(({ stats }) => stats?.latency ?? []));
    }
    const after = cpu();
    const frames = last.peers.reduce((sum, peer, n) => sum + peer.frames - first.peers[n]!.frames, 0);
    const all = after.all.user + after.all.system - before.all.user - before.all.system;
    return {
      main: (after.main - before.main) / frames,
      media: after.media.map((ms, n) => (ms - before.media[n]!) / frames),
      all: all / 1000 / frames,
      fps: (1000 * frames) / (last.at - first.at) / streams,
      latency: {
        p50: quantile(
          latencies.map(({ p50 }) => p50),
          0.5,
        ),
        p95: quantile(
          latencies.map(({ p95 }) => p95),
          0.5,
        ),
      },
      rss: process.memoryUsage.rss(),
    };
  } finally {
    await fleet.stop();
    await server.close();
  }
}
