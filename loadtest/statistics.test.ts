import { expect, test } from 'vitest';
import { seededRandom } from '../test/support/impair/impairment.ts';
import { Histogram } from '../test/support/load/histogram.ts';
import { readScrape } from '../test/support/load/metrics.ts';
import { CodeCheck, type Verdict } from './code-check.ts';
import { emptyReport, type StreamReport } from './protocol.ts';
import { compare, streamsPerCore, type TargetReport } from './report.ts';
import { Tally } from './tally.ts';
import type { WindowResult } from './window.ts';

test('quantiles are within one percent of the sorted samples, of any size and spread', () => {
  const random = seededRandom(3);
  for (const scale of [0.3, 20, 4000]) {
    const histogram = new Histogram();
    const other = new Histogram();
    const samples = Array.from({ length: 5000 }, () => scale * (0.2 + random() ** 6 * 9));
    for (const [i, value] of samples.entries()) (i % 3 ? histogram : other).add(value);
    histogram.merge(other);
    samples.sort((a, b) => a - b);
    for (const q of [0, 0.5, 0.95, 0.99, 1])
      expect(histogram.quantile(q) / samples[Math.min(4999, Math.floor(q * 5000))]!).toBeCloseTo(1, 1.9);
    expect(histogram.summary()).toMatchObject({ count: 5000, max: samples.at(-1) });
    expect(histogram.summary().mean).toBeCloseTo(samples.reduce((a, b) => a + b) / 5000, 6);
  }
});

test('a histogram of nothing has no quantiles, and extreme values stay in it', () => {
  const histogram = new Histogram();
  expect(histogram.quantile(0.5)).toBeNaN();
  expect(histogram.summary()).toMatchObject({ count: 0, p99: Number.NaN });
  histogram.add(0);
  histogram.add(1e9);
  expect(histogram.count).toBe(2);
  expect(histogram.quantile(0)).toBeLessThan(0.06);
});

const report = (change: Partial<StreamReport>): StreamReport => ({ ...emptyReport(2), connected: true, ...change });

test('a stream is summed up over the time that it was connected', () => {
  const tally = new Tally(2);
  for (let i = 0; i < 10; i++)
    tally.add(
      report({
        connected: i > 1,
        connects: i === 2 || i === 6 ? 1 : 0,
        captured: i > 1 ? 8 : 0,
        packets: i > 1 ? 6 : 0,
        trackFrames: i > 1 ? 7 : 0,
        latency: { data: [40], track: [30], server: [10] },
        checks: i === 5 ? [{ rank: 0.3, delta1: 0.2 }] : [{ rank: 0.9, delta1: 0.8 }],
        bytes: { up: 5000, down: 0 },
        failures: i === 4 ? ['gone'] : [],
      }),
    );
  const result = tally.result('data');
  expect(result).toMatchObject({
    seconds: 4,
    captured: 64,
    depth: 48,
    packets: 48,
    dropped: 16,
    reconnects: 1,
    failures: ['gone'],
  });
  expect(result.fps).toEqual({ captured: 16, depth: 12 });
  expect(result.wrong.implausible).toBe(1);
  expect(result.truth).toMatchObject({ checks: 10, worstRank: 0.3 });
  expect(result.truth.rank).toBeCloseTo(0.84, 9);
  expect(result.kilobits.up).toBeCloseTo(100, 9);
  expect(result.latency.track.p50 / 30).toBeCloseTo(1, 1.9);
  // A window that begins after it was connected once: the next connection is a return.
  expect(tally.result('track', 1)).toMatchObject({ depth: 56, reconnects: 2 });
});

test('what the server read is held against what the depth was taken for, whichever is known first', () => {
  const verdicts: [number, Verdict][] = [];
  const check = new CodeCheck((stream, verdict) => verdicts.push([stream, verdict]));
  check.read([100, 1, 7]);
  check.depth(1, 100, 65536 + 7);
  check.depth(1, 200, 8);
  check.read([200, 1, 9]);
  check.depth(2, 300, 5);
  check.read([300, 1, 5]);
  check.depth(2, 400, 6);
  check.read([400, -1, -1]);
  check.read([500, 1, 1]);
  expect(verdicts).toEqual([
    [1, 'right'],
    [1, 'wrong'],
    [2, 'wrong'],
    [2, 'unreadable'],
  ]);
});

test('metrics are read from the text that Prometheus reads', () => {
  const text = [
    '# HELP depthcast_frames_total Frames by what became of them',
    '# TYPE depthcast_frames_total counter',
    'depthcast_frames_total{outcome="depth"} 120',
    'depthcast_frames_total{outcome="dropped"} 7',
    'depthcast_sessions{kind="ws"} 2',
    'depthcast_sessions{kind="whip"} 1',
    'process_cpu_seconds_total 12.5',
    'process_resident_memory_bytes 3.5e8',
  ].join('\n');
  expect(readScrape(text)).toMatchObject({
    cpuSeconds: 12.5,
    rssBytes: 3.5e8,
    frames: { depth: 120, dropped: 7, failed: 0 },
    sessions: 3,
  });
  expect(readScrape('')).toMatchObject({ cpuSeconds: 0, sessions: 0 });
});

test('a comparison takes medians of the rounds and sets the first server against the others', () => {
  const turn = (name: string, p95: number, msPerDepth: number) => {
    const latency = { count: 1, mean: p95, p50: p95 / 2, p95, p99: p95, max: p95 };
    const result = {
      latency: { track: latency, data: latency, server: latency },
      fps: { least: 10, mean: 10 },
      server: { cores: 1, msPerDepth, maxRssMiB: 1 },
    } as unknown as WindowResult;
    return { name, primary: 'track', timeline: [], result } satisfies TargetReport;
  };
  const { rows, ratios } = compare(
    [
      turn('a', 40, 10),
      turn('b', 100, 30),
      turn('a', 60, 12),
      turn('b', 300, 34),
      turn('a', 50, 11),
      turn('b', 200, 32),
    ],
    10,
  );
  expect(rows[0]).toMatchObject({ name: 'a', p95: 50, msPerDepth: 11, capacity: undefined });
  expect(ratios).toHaveLength(1);
  expect(ratios[0]!.p95).toBeCloseTo(0.25, 9);
  expect(ratios[0]!.streamsPerCore).toBeCloseTo(32 / 11, 9);
  expect(streamsPerCore(20, 10)).toBe(5);
});

test('where capacity was sought, latencies are compared at the most streams that both carried', () => {
  const step = (streams: number, p95: number, broke?: string) => ({
    streams,
    p95,
    serverP95: p95,
    fps: { mean: 15 },
    broke,
  });
  const turn = (name: string, streams: number, steps: object[]) =>
    ({
      name,
      primary: 'track',
      timeline: [],
      capacity: { streams, streamsPerCore: 3, steps },
    }) as unknown as TargetReport;
  const { rows, ratios } = compare(
    [
      turn('a', 3, [step(1, 20), step(2, 30), step(3, 90), step(4, 500, 'p95')]),
      turn('b', 2, [step(1, 50), step(2, 60), step(3, 700, 'p95')]),
    ],
    15,
  );
  expect(rows.map(({ p95, capacity }) => [p95, capacity])).toEqual([
    [90, 3],
    [60, 2],
  ]);
  expect(ratios[0]!.p95).toBeCloseTo(0.5, 9);
});
