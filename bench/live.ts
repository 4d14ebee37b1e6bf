import { loadConfig } from '../src/config/load.ts';
import { STAGES } from '../src/protocol/messages.ts';
import { type DepthServer, startServer } from '../src/server/server.ts';
import { parseMetrics } from '../test/support/load/metrics.ts';
import { printTable, quantile } from '../test/support/load/table.ts';
import { Fleet, type FleetOptions, type FleetReport } from '../test/support/load/wrtc-fleet.ts';
import { printGoals } from './goals.ts';
import { median, record } from './record.ts';
import { cpuSplit, inferenceThreads, threadTimes } from './threads.ts';

export interface LiveRun {
  seconds: number;
  fleet: FleetReport[];
  /** Latency of every frame, ms, by output; taken from the server's own clock. Empty where peers live in media workers. */
  latency: { track: number[]; data: number[] };
  /** ms that a share of the gray track's frames took at most: of every frame, or by the buckets that the server exports. */
  trackLatency(share: number): number;
  fps: number[];
  cpu: { main: number; inference: number; pool: number };
  frames: number;
  server: DepthServer;
}

/** Runs a server in this process and libwebrtc peers in another, for `seconds` after everything flows. */
export async function runLive(
  options: Omit<FleetOptions, 'url'>,
  seconds: number,
  every?: (second: number) => void,
  settings: Record<string, unknown> = {},
): Promise<LiveRun> {
  const config = loadConfig({
    file: 'config/depthcast.yaml',
    // The latency of each frame is read on this thread.
    overrides: { 'server.port': 0, 'server.mediaWorkers': 0, 'limits.utilisation': null, ...settings },
  });
  const server = await startServer({ config, version: 'bench' });
  const latency: LiveRun['latency'] = { track: [], data: [] };
  const observe = server.context.metrics.latency.observe.bind(server.context.metrics.latency);
  server.context.metrics.latency.observe = ((labels: { output: 'track' | 'data' }, value: number) => {
    latency[labels.output].push(value * 1000);
    observe(labels, value);
  }) as typeof observe;
  const fleet = new Fleet({ ...options, url: `http://127.0.0.1:${server.port}` });
  try {
    await fleet.flowing();
    // Ten seconds in which bitrates and keyframes settle and V8 compiles what is hot.
    for (let i = 0; i < 20; i++) await fleet.next();
    const reports: FleetReport[] = [await fleet.next()];
    latency.track.length = latency.data.length = 0;
    const bucketsBefore = await trackBuckets(server);
    const cpuBefore = threadTimes();
    const startedAt = performance.now();
    let told = 0;
    while (performance.now() - startedAt < seconds * 1000) {
      reports.push(await fleet.next());
      const second = Math.floor((performance.now() - startedAt) / 1000);
      if (second > told) {
        told = second;
        every?.(second);
      }
    }
    const cpu = cpuSplit(cpuBefore, threadTimes(), inferenceThreads());
    const [first, last] = [reports[0]!, reports.at(-1)!];
    const took = (last.at - first.at) / 1000;
    const got = last.peers.map((peer, i) => peer.frames - first.peers[i]!.frames);
    const frames = got.reduce((sum, n) => sum + n, 0);
    const fps = got.map((n) => n / took);
    const buckets = (await trackBuckets(server)).map(({ ms, count }, n) => ({
      ms,
      count: count - (bucketsBefore[n]?.count ?? 0),
    }));
    const trackLatency = (share: number) =>
      latency.track.length > 0 ? quantile(latency.track, share) : bucketQuantile(buckets, share);
    return { seconds: took, fleet: reports, latency, trackLatency, fps, cpu, frames, server };
  } finally {
    await fleet.stop();
    await server.close();
  }
}

/** How many frames took at most so many ms, the buckets of the server's histogram. */
async function trackBuckets({ context }: DepthServer): Promise<{ ms: number; count: number }[]> {
  return parseMetrics(await context.metrics.text())
    .filter(
      ({ name, labels }) => name === 'depthcast_frame_latency_seconds_bucket' && labels.includes('output="track"'),
    )
    .map(({ labels, value }) => ({
      ms: 1000 * Number(/le="([^"]+)"/.exec(labels)![1]!.replace('+Inf', 'Infinity')),
      count: value,
    }));
}

/** As Prometheus has it: linear within a bucket. */
function bucketQuantile(buckets: readonly { ms: number; count: number }[], share: number): number {
  const wanted = share * (buckets.at(-1)?.count ?? 0);
  const at = buckets.findIndex(({ count }) => count >= wanted);
  const [low, high] = [buckets[at - 1] ?? { ms: 0, count: 0 }, buckets[at]];
  if (high === undefined || high.count === low.count) return Number.NaN;
  return low.ms + ((high.ms - low.ms) * (wanted - low.count)) / (high.count - low.count);
}

const VGA = { scene: 'room', width: 640, height: 480, data: 'u16', track: 'gray' } as const;

/** One stream, both outputs. */
export async function benchOne(seconds = 30): Promise<void> {
  const run = await runLive({ ...VGA, peers: 1, fps: 30 }, seconds);
  const packets = run.fleet.at(-1)!.peers[0]!.packets - run.fleet[0]!.peers[0]!.packets;
  printTable(
    'One 640x480@30 VP8 stream, gray track and u16 data (goal: 30 fps, p50 <= 25 ms, p95 <= 45 ms)',
    ['output', 'fps', 'latency p50', 'p95', 'p99'],
    [
      ['gray track', run.fps[0]!, ...[0.5, 0.95, 0.99].map((q) => quantile(run.latency.track, q))],
      ['data, u16', packets / run.seconds, ...[0.5, 0.95, 0.99].map((q) => quantile(run.latency.data, q))],
    ],
  );
  const { main, pool, inference } = run.cpu;
  printTable(
    'CPU of the server, ms a frame (goal: all but inference <= 8)',
    ['threads', 'ms'],
    [
      ['main: sockets, SRTP, SCTP, sessions', main / run.frames],
      ['pool: decode, scale, encode, deflate', pool / run.frames],
      ['all but inference', (main + pool) / run.frames],
      ['depth worker and its threads', inference / run.frames],
    ],
  );
  record('live: main thread', main / run.frames, 'ms CPU');
  record('live: all but inference', (main + pool) / run.frames, 'ms CPU');
  record('live: gray track, p50', quantile(run.latency.track, 0.5), 'ms');
  record('live: gray track, p95', quantile(run.latency.track, 0.95), 'ms');
  const stages = run.fleet.map((report) => report.peers[0]!.stats?.stages ?? {});
  printTable(
    'Wall time by stage, ms, median of the medians of each second',
    ['stage', 'ms'],
    STAGES.map((name) => [
      name,
      quantile(
        stages.flatMap((stage) => stage[name] ?? []),
        0.5,
      ),
    ]),
  );
}

/** Four streams on the same cores as the load that feeds them. */
export async function benchFour(fps: number, seconds: number): Promise<void> {
  const early: number[] = [];
  let cut = 0;
  const latency: number[][] = [];
  const run = await runLive({ ...VGA, peers: 4, fps, data: 'u16' }, seconds, () => {
    latency.push([]);
    cut++;
  });
  const all = run.latency.track;
  const third = Math.floor(all.length / 3);
  early.push(...all.slice(0, third));
  const late = all.slice(-third);
  const stats = run.fleet.at(-1)!.peers;
  printTable(
    `Four 640x480@${fps} streams for ${Math.round(run.seconds)} s (${fps === 15 ? 'goal: each >= 12 fps, no growth' : 'goal: shared within 20 %, p95 < 150 ms'})`,
    ['stream', 'fps out', 'errors'],
    run.fps.map((value, i) => [`${i + 1}`, value, stats[i]!.errors.length]),
  );
  const spread = (Math.max(...run.fps) - Math.min(...run.fps)) / (run.fps.reduce((a, b) => a + b) / run.fps.length);
  printTable(
    'Latency, ms, all streams',
    ['', 'p50', 'p95'],
    [
      ['all', quantile(all, 0.5), quantile(all, 0.95)],
      ['first third', quantile(early, 0.5), quantile(early, 0.95)],
      ['last third', quantile(late, 0.5), quantile(late, 0.95)],
    ],
  );
  const section = fps === 15 ? 'four' : 'overload';
  record(`${section}: frames out`, run.frames / run.seconds, 'fps', 'more');
  record(`${section}: p95`, quantile(all, 0.95), 'ms');
  const events = (await run.server.context.metrics.rtpEvents.get()).values;
  const count = (event: string) => events.find((value) => value.labels.event === event)?.value ?? 0;
  console.log(
    `  spread of fps ${(100 * spread).toFixed(0)} %; NACKs sent ${count('nack_sent')}, PLIs sent ${count('pli_sent')}, packets lost ${count('lost')}`,
  );
  void cut;
}

/** Sizes that follow the load, in turn with today's fixed one: four streams that ask for more than the cores have. */
export async function benchAdapt(seconds = 25, rounds = 2): Promise<void> {
  const kinds = { 'size 256': 256, 'size auto': 'auto' } as const;
  const runs = Object.fromEntries(Object.keys(kinds).map((name) => [name, [] as LiveRun[]]));
  const told: Record<string, string[]> = { 'size 256': [], 'size auto': [] };
  for (let round = 0; round < rounds; round++)
    for (const [name, size] of Object.entries(kinds)) {
      // With peers where they live as shipped.
      const settings = { 'depth.size': size, 'server.mediaWorkers': 'auto' };
      const run = await runLive({ ...VGA, peers: 4, fps: 30 }, seconds, undefined, settings);
      runs[name]!.push(run);
      const widths = run.fleet.at(-1)!.peers.map((peer) => peer.stats?.depth.width ?? 0);
      const epochs = run.fleet.at(-1)!.peers.map((peer, i) => peer.epochs - run.fleet[0]!.peers[i]!.epochs);
      told[name]!.push(`${[...new Set(widths)].join('/')} wide, ${Math.max(...epochs)} new epochs`);
    }
  const out = (name: string) => median(runs[name]!.map((run) => run.frames / run.seconds));
  const cpu = (name: string) =>
    median(runs[name]!.map((run) => (run.cpu.main + run.cpu.pool + run.cpu.inference) / run.frames));
  const p95 = (name: string) => median(runs[name]!.map((run) => run.trackLatency(0.95)));
  printTable(
    `Four 640x480@30 streams, ${rounds} turns of ${seconds} s each (goal: 1.6 times the frames, p95 <= 150 ms)`,
    ['', 'frames out, all, a second', 'latency p50', 'p95', 'CPU ms a map', 'of it inference', 'at the end'],
    Object.keys(kinds).map((name) => [
      name,
      out(name),
      median(runs[name]!.map((run) => run.trackLatency(0.5))),
      p95(name),
      cpu(name),
      median(runs[name]!.map((run) => run.cpu.inference / run.frames)),
      told[name]!.join('; '),
    ]),
  );
  const [fixed, auto] = [out('size 256'), out('size auto')];
  const perCpu = cpu('size 256') / cpu('size auto');
  console.log(
    `  frames out, auto over 256: ${(auto / fixed).toFixed(2)}; maps for the same CPU time: ${perCpu.toFixed(2)}`,
  );
  printGoals([
    { name: 'frames out, auto over 256', value: auto / fixed, least: 1.6 },
    { name: 'p95 with auto, ms', value: p95('size auto'), most: 150 },
  ]);
  record('adapt: frames out', auto, 'fps', 'more');
  record('adapt: frames out, over size 256', auto / fixed, '', 'more');
  record('adapt: CPU a map, over size 256', 1 / perCpu, '');
  record('adapt: p95', p95('size auto'), 'ms');
}
