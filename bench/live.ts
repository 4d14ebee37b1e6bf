import { loadConfig } from '../src/config/load.ts';
import { STAGES } from '../src/protocol/messages.ts';
import { startServer } from '../src/server/server.ts';
import { sumMetric } from '../test/support/load/metrics.ts';
import { printTable, quantile } from '../test/support/load/table.ts';
import { Fleet, type FleetOptions, type FleetReport } from '../test/support/load/wrtc-fleet.ts';
import { printGoals } from './goals.ts';
import { type Latency, LatencyMeter } from './latency.ts';
import { median, record } from './record.ts';
import { type CpuSplit, cpuSplit, inferenceThreads, threadTimes } from './threads.ts';

export interface LiveRun {
  seconds: number;
  fleet: FleetReport[];
  latency: Latency;
  /** Of the first and the last third of the time. */
  thirds: { first: Latency; last: Latency };
  fps: number[];
  cpu: CpuSplit;
  frames: number;
  /** At the end. */
  metrics: string;
}

/** All of the server's CPU time but inference, ms. */
export const allButInference = ({ main, media, rest }: CpuSplit): number => main + media + rest;

/** Of the server, where they differ from the shipped ones, by dotted key. */
export type Settings = Record<string, unknown>;

/** Runs a server in this process and libwebrtc peers in another, for `seconds` after everything flows. */
export async function runLive(
  options: Omit<FleetOptions, 'url'>,
  seconds: number,
  settings: Settings = {},
  every?: (second: number) => void,
): Promise<LiveRun> {
  const overrides = { 'server.port': 0, 'limits.utilisation': null, ...settings };
  const config = loadConfig({ file: 'config/depthcast.yaml', overrides });
  const server = await startServer({ config, version: 'bench' });
  const meter = new LatencyMeter(server);
  const fleet = new Fleet({ ...options, url: `http://127.0.0.1:${server.port}` });
  try {
    await fleet.flowing();
    // Ten seconds in which bitrates and keyframes settle and V8 compiles what is hot.
    for (let i = 0; i < 20; i++) await fleet.next();
    const { metrics, peers } = server.context;
    const marks = [meter.mark(await metrics.text())];
    const reports: FleetReport[] = [await fleet.next()];
    const cpuBefore = threadTimes();
    const startedAt = performance.now();
    const passed = () => performance.now() - startedAt;
    let told = 0;
    while (passed() < seconds * 1000) {
      reports.push(await fleet.next());
      if (marks.length < 3 && passed() >= (marks.length / 3) * seconds * 1000)
        marks.push(meter.mark(await metrics.text()));
      const second = Math.floor(passed() / 1000);
      if (second > told) {
        told = second;
        every?.(second);
      }
    }
    const used = peers.workers.filter(({ sessions, sources }) => sessions + sources > 0);
    const cpu = cpuSplit(cpuBefore, threadTimes(), inferenceThreads(), used.length);
    const [first, last] = [reports[0]!, reports.at(-1)!];
    const took = (last.at - first.at) / 1000;
    const got = last.peers.map((peer, i) => peer.frames - first.peers[i]!.frames);
    const frames = got.reduce((sum, n) => sum + n, 0);
    const text = await metrics.text();
    const end = meter.mark(text);
    return {
      seconds: took,
      fleet: reports,
      latency: meter.between(marks[0]!, end),
      thirds: { first: meter.between(marks[0]!, marks[1] ?? end), last: meter.between(marks[2] ?? marks[0]!, end) },
      fps: got.map((n) => n / took),
      cpu,
      frames,
      metrics: text,
    };
  } finally {
    await fleet.stop();
    await server.close();
  }
}

const VGA = { scene: 'room', width: 640, height: 480, data: 'u16', track: 'gray' } as const;

/** One stream, both outputs. */
export async function benchOne(settings: Settings = {}, seconds = 30): Promise<void> {
  const run = await runLive({ ...VGA, peers: 1, fps: 30 }, seconds, settings);
  const packets = run.fleet.at(-1)!.peers[0]!.packets - run.fleet[0]!.peers[0]!.packets;
  printTable(
    'One 640x480@30 VP8 stream, gray track and u16 data (goal: 30 fps, p50 <= 25 ms, p95 <= 45 ms)',
    ['output', 'fps', 'latency p50', 'p95', 'p99'],
    [
      ['gray track', run.fps[0]!, ...[0.5, 0.95, 0.99].map(run.latency.track)],
      ['data, u16', packets / run.seconds, ...[0.5, 0.95, 0.99].map(run.latency.data)],
    ],
  );
  const { main, media, rest, inference } = run.cpu;
  printTable(
    'CPU of the server, ms a frame (goal: all but inference <= 8)',
    ['threads', 'ms'],
    [
      ['main: signalling, sessions as they are told; with peers on it, sockets, SRTP, SCTP too', main / run.frames],
      ['media workers: peers and codecs', media / run.frames],
      ["others: V8's own; libuv's pool: deflate, and codecs of peers on the main thread", rest / run.frames],
      ['all but inference', allButInference(run.cpu) / run.frames],
      ['depth worker and its threads', inference / run.frames],
    ],
  );
  record('live: main thread', main / run.frames, 'ms CPU');
  record('live: all but inference', allButInference(run.cpu) / run.frames, 'ms CPU');
  record('live: gray track, p50', run.latency.track(0.5), 'ms');
  record('live: gray track, p95', run.latency.track(0.95), 'ms');
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
export async function benchFour(fps: number, seconds: number, settings: Settings = {}): Promise<void> {
  const run = await runLive({ ...VGA, peers: 4, fps, data: 'u16' }, seconds, settings);
  const { latency, thirds } = run;
  const stats = run.fleet.at(-1)!.peers;
  printTable(
    `Four 640x480@${fps} streams for ${Math.round(run.seconds)} s (${fps === 15 ? 'goal: each >= 12 fps, no growth' : 'goal: shared within 20 %, p95 < 150 ms'})`,
    ['stream', 'fps out', 'errors'],
    run.fps.map((value, i) => [`${i + 1}`, value, stats[i]!.errors.length]),
  );
  const spread = (Math.max(...run.fps) - Math.min(...run.fps)) / (run.fps.reduce((a, b) => a + b) / run.fps.length);
  const rows = { all: latency, 'first third': thirds.first, 'last third': thirds.last };
  printTable(
    'Latency, ms, all streams',
    ['', 'p50', 'p95'],
    Object.entries(rows).map(([name, { track }]) => [name, track(0.5), track(0.95)]),
  );
  const section = fps === 15 ? 'four' : 'overload';
  record(`${section}: frames out`, run.frames / run.seconds, 'fps', 'more');
  record(`${section}: p95`, latency.track(0.95), 'ms');
  const count = (event: string) => sumMetric(run.metrics, 'depthcast_rtp_events_total', { event });
  console.log(
    `  spread of fps ${(100 * spread).toFixed(0)} %; NACKs sent ${count('nack_sent')}, PLIs sent ${count('pli_sent')}, packets lost ${count('lost')}`,
  );
}

/** Sizes that follow the load, in turn with today's fixed one: four streams that ask for more than the cores have. */
export async function benchAdapt(seconds = 25, rounds = 2): Promise<void> {
  const kinds = { 'size 256': 256, 'size auto': 'auto' } as const;
  const runs = Object.fromEntries(Object.keys(kinds).map((name) => [name, [] as LiveRun[]]));
  const told: Record<string, string[]> = { 'size 256': [], 'size auto': [] };
  for (let round = 0; round < rounds; round++)
    for (const [name, size] of Object.entries(kinds)) {
      const settings = { 'depth.size': size };
      const run = await runLive({ ...VGA, peers: 4, fps: 30 }, seconds, settings);
      runs[name]!.push(run);
      const widths = run.fleet.at(-1)!.peers.map((peer) => peer.stats?.depth.width ?? 0);
      const epochs = run.fleet.at(-1)!.peers.map((peer, i) => peer.epochs - run.fleet[0]!.peers[i]!.epochs);
      told[name]!.push(`${[...new Set(widths)].join('/')} wide, ${Math.max(...epochs)} new epochs`);
    }
  const out = (name: string) => median(runs[name]!.map((run) => run.frames / run.seconds));
  const cpu = (name: string) =>
    median(runs[name]!.map((run) => (allButInference(run.cpu) + run.cpu.inference) / run.frames));
  const p95 = (name: string) => median(runs[name]!.map((run) => run.latency.track(0.95)));
  printTable(
    `Four 640x480@30 streams, ${rounds} turns of ${seconds} s each (goal: 1.6 times the frames, p95 <= 150 ms)`,
    ['', 'frames out, all, a second', 'latency p50', 'p95', 'CPU ms a map', 'of it inference', 'at the end'],
    Object.keys(kinds).map((name) => [
      name,
      out(name),
      median(runs[name]!.map((run) => run.latency.track(0.5))),
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
