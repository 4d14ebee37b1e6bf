// npm run worker-kills: ends the depth worker of a live stream again and again, and tells how depth came back; or a media worker.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../src/config/load.ts';
import { startServer } from '../../src/server/server.ts';
import { quantile } from '../support/load/table.ts';
import { Fleet } from '../support/load/wrtc-fleet.ts';
import { killMediaWorkers } from './media-worker-kills.ts';

const USAGE = `npm run worker-kills -- [--minutes N] [--every SECONDS] [--media]

A two-way stream of an independent WebRTC peer; its depth worker is ended every --every seconds (10) for --minutes (5).
Prints how long depth was away each time. Ends with an error where it did not come back, or the session was lost.
--media: a media worker instead, beside another whose stream may lose no frame.
`;
/** A worker that keeps dying is restarted after up to five seconds, and then has to load. */
const PATIENCE_MS = 60_000;
const POLL_MS = 20;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    media: { type: 'boolean' },
    minutes: { type: 'string', default: '5' },
    every: { type: 'string', default: '10' },
  },
});
const [minutes, every] = [Number(values.minutes), Number(values.every)];
if (values.help || !(minutes > 0) || !(every > 0)) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 1);
}

if (values.media) {
  const failure = await killMediaWorkers(minutes, every);
  console.log(failure ?? 'the other stream lost nothing');
  process.exit(failure === undefined ? 0 : 1);
}

const config = loadConfig({ overrides: { 'server.port': 0, 'server.mediaWorkers': 0, 'log.level': 'silent' } });
const server = await startServer({ config, version: 'faults' });
const fleet = new Fleet({
  url: `http://127.0.0.1:${server.port}`,
  peers: 1,
  scene: 'room',
  width: 320,
  height: 240,
  fps: 15,
  data: 'u8',
  track: 'gray',
});
const { registry, metrics } = server.context;
const away: number[] = [];
let failure: string | undefined;
try {
  await fleet.flowing(60_000);
  const [stream] = registry.streams;
  const began = performance.now();
  for (let kill = 1; performance.now() - began < minutes * 60_000; kill++) {
    await sleep(Math.max(0, began + kill * every * 1000 - performance.now()));
    const epoch = stream!.last.epoch;
    const killedAt = performance.now();
    await server.context.pool.workers.find(({ streamCount }) => streamCount > 0)!.kill();
    while (stream!.last.epoch === epoch) {
      if (performance.now() - killedAt > PATIENCE_MS)
        throw new Error(`no depth ${PATIENCE_MS / 1000} s after kill ${kill}`);
      if (registry.sessions.length !== 1) throw new Error(`the session ended after kill ${kill}`);
      await sleep(POLL_MS);
    }
    away.push(performance.now() - killedAt);
    const rss = process.memoryUsage.rss() / 2 ** 20;
    console.log(
      `kill ${kill}: depth after ${(away.at(-1)! / 1000).toFixed(2)} s, epoch ${stream!.last.epoch}, RSS ${rss.toFixed(0)} MiB`,
    );
  }
} catch (thrown) {
  failure = (thrown as Error).message;
}
const { badPackets = 0, errors = [] } = fleet.last?.peers[0] ?? {};
console.log(
  `${away.length} kills, each survived; away ${(quantile(away, 0.5) / 1000).toFixed(2)} s (median), ` +
    `${(Math.max(...away) / 1000).toFixed(2)} s (most); ${await made('depth')} maps, ${await made('dropped')} dropped, ` +
    `${await made('failed')} failed; bad packets ${badPackets}; told to the client: ${[...new Set(errors)].join('; ') || 'nothing'}`,
);
if (failure !== undefined) console.error(failure);
await fleet.stop();
await server.close();
process.exit(failure === undefined && badPackets === 0 ? 0 : 1);

async function made(outcome: string): Promise<number> {
  const metric = await metrics.registry.getSingleMetric('depthcast_frames_total')!.get();
  return metric.values.filter(({ labels }) => labels['outcome'] === outcome).reduce((sum, { value }) => sum + value, 0);
}
