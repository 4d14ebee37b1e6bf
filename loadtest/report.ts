import { cpus, loadavg } from 'node:os';
import type { Capacity } from './capacity.ts';
import type { Moment } from './load-run.ts';
import type { LoadOptions } from './options.ts';
import type { WindowResult } from './window.ts';

/** One server's part of the report. */
export interface TargetReport {
  name: string;
  /** The latency that thresholds and plots are about. */
  primary: 'track' | 'data';
  timeline: Moment[];
  /** All that was measured; with `capacity`, its last step. */
  result: WindowResult;
  capacity?: Capacity;
}

export interface Comparison {
  /** Sums and medians over the rounds, by server, in the order of the first round. */
  rows: {
    name: string;
    fps: number;
    p50: number;
    p95: number;
    serverP95: number;
    msPerDepth: number;
    streamsPerCore: number;
    capacity: number | undefined;
  }[];
  /**
   * Of the first server over each other one: streams per core (more is better) and p95 at equal load (less is better);
   * where capacity was sought, at the most streams that both carried.
   */
  ratios: { name: string; streamsPerCore: number; p95: number; serverP95: number }[];
}

export interface LoadReport {
  version: 1;
  startedAt: string;
  command: string;
  machine: { processor: string; cores: number; node: string; loadBefore: number };
  options: Omit<LoadOptions, 'token'>;
  stoppedEarly: boolean;
  targets: TargetReport[];
  comparison?: Comparison;
}

/** What this machine is, and how busy it was with other things before. */
export function describeMachine(): LoadReport['machine'] {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** Streams of `fps` that one core carries where a depth map costs so many ms of the server's CPU. */
export const streamsPerCore = (msPerDepth: number, fps: number) => 1000 / (msPerDepth * fps);

const median = (values: number[]) => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
};

type Figures = Record<'fps' | 'p50' | 'p95' | 'serverP95' | 'msPerDepth', number>;

const carried = ({ capacity }: TargetReport) => capacity?.streams ?? Number.POSITIVE_INFINITY;

/** Of a turn that sought capacity: at so many streams, by default the most that it carried. */
function figuresOf({ capacity, result, primary }: TargetReport, streams = capacity?.streams): Figures {
  const best = capacity?.steps.find((step) => step.streams === streams);
  if (best) return { ...best, fps: best.fps.mean };
  const { p50, p95 } = result.latency[primary];
  const { fps, latency, server } = result;
  return { fps: fps.mean, p50, p95, serverP95: latency.server.p95, msPerDepth: server.msPerDepth };
}

/** Medians over the rounds of each server, and the first server against the others. */
export function compare(targets: readonly TargetReport[], fps: number): Comparison {
  const names = [...new Set(targets.map(({ name }) => name))];
  const rows = names.map((name) => {
    const rounds = targets.filter((target) => target.name === name);
    const of = (value: (figures: Figures) => number) => median(rounds.map((round) => value(figuresOf(round))));
    const capacities = rounds.flatMap(({ capacity }) => (capacity ? [capacity] : []));
    const msPerDepth = of((figures) => figures.msPerDepth);
    return {
      name,
      fps: of((figures) => figures.fps),
      p50: of((figures) => figures.p50),
      p95: of((figures) => figures.p95),
      serverP95: of((figures) => figures.serverP95),
      msPerDepth,
      streamsPerCore:
        capacities.length > 0 ? median(capacities.map((c) => c.streamsPerCore)) : streamsPerCore(msPerDepth, fps),
      capacity: capacities.length > 0 ? median(capacities.map(({ streams }) => streams)) : undefined,
    };
  });
  const [first, ...others] = rows;
  const ratios = others.map((other) => {
    const [ours, theirs] = [first!.name, other.name].map((name) => targets.filter((target) => target.name === name));
    const streams = Math.min(...[ours!, theirs!].map((rounds) => Math.min(...rounds.map(carried))));
    const ratio = (key: 'p95' | 'serverP95') => {
      const [a, b] = [ours!, theirs!].map((rounds) => median(rounds.map((round) => figuresOf(round, streams)[key])));
      return a! / b!;
    };
    const perCore = first!.streamsPerCore / other.streamsPerCore;
    return { name: other.name, streamsPerCore: perCore, p95: ratio('p95'), serverP95: ratio('serverP95') };
  });
  return { rows, ratios };
}
