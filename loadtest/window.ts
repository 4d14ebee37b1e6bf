import { Histogram, type Quantiles } from '../test/support/load/histogram.ts';
import type { StreamResult, Tally } from './tally.ts';

/** What was measured over a stretch of time, by stream and in sum. */
export interface WindowResult {
  seconds: number;
  streams: StreamResult[];
  /** Of all streams together. */
  latency: { data: Quantiles; track: Quantiles; server: Quantiles };
  depth: number;
  packets: number;
  captured: number;
  late: number;
  dropped: number;
  reconnects: number;
  wrong: { unknown: number; code: number; implausible: number };
  verified: number;
  unreadable: number;
  /** The lowest and the mean of the streams' depth maps a second. */
  fps: { least: number; mean: number };
  server: { cores: number; msPerDepth: number; maxRssMiB: number };
  loadCores: number;
  crashes: number;
}

/** What a stretch of time took, apart from the streams. */
export interface WindowCost {
  seconds: number;
  /** CPU seconds. */
  serverCpu: number;
  loadCpu: number;
  /** The most. */
  rssBytes: number;
  crashes: number;
}

export function sumUp(tallies: readonly Tally[], streams: StreamResult[], cost: WindowCost): WindowResult {
  const sum = (of: (stream: StreamResult) => number) => streams.reduce((total, stream) => total + of(stream), 0);
  const all = (kind: 'data' | 'track' | 'server') =>
    tallies.reduce((histogram, tally) => histogram.merge(tally[kind]), new Histogram()).summary();
  const depth = sum((s) => s.depth);
  const rates = streams.filter((s) => s.seconds > 0).map((s) => s.fps.depth);
  const { seconds, serverCpu, loadCpu, rssBytes, crashes } = cost;
  return {
    seconds,
    streams,
    latency: { data: all('data'), track: all('track'), server: all('server') },
    depth,
    packets: sum((s) => s.packets),
    captured: sum((s) => s.captured),
    late: sum((s) => s.late),
    dropped: sum((s) => s.dropped),
    reconnects: sum((s) => s.reconnects),
    wrong: {
      unknown: sum((s) => s.wrong.unknown),
      code: sum((s) => s.wrong.code),
      implausible: sum((s) => s.wrong.implausible),
    },
    verified: sum((s) => s.verified),
    unreadable: sum((s) => s.unreadable),
    fps: {
      least: rates.length > 0 ? Math.min(...rates) : 0,
      mean: rates.length > 0 ? rates.reduce((a, b) => a + b) / rates.length : 0,
    },
    server: { cores: serverCpu / seconds, msPerDepth: (1000 * serverCpu) / depth, maxRssMiB: rssBytes / 2 ** 20 },
    loadCores: loadCpu / seconds,
    crashes,
  };
}
