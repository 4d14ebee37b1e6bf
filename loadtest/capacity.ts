import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadRun, Moment } from './load-run.ts';
import type { LoadOptions } from './options.ts';
import type { WindowResult } from './window.ts';

/** Bitrates, keyframes and further depth workers settle before a number of streams is measured. */
const SETTLE_SECONDS = 5;
/** How long streams may take to connect; one that does not is refused, or the machine is full. */
const CONNECT_SECONDS = 20;

export interface CapacityStep {
  streams: number;
  connected: number;
  fps: { least: number; mean: number };
  p50: number;
  p95: number;
  p99: number;
  serverP95: number;
  serverCores: number;
  msPerDepth: number;
  loadCores: number;
  /** Why this many are too many; undefined where they are not. */
  broke: string | undefined;
}

export interface Capacity {
  steps: CapacityStep[];
  /** The most streams that kept within the limits, and the server's cores that they took. */
  streams: number;
  cores: number;
  /** Streams for each core of the server's own CPU time, at that load. */
  streamsPerCore: number;
  limits: { p95: number; fps: number };
}

/** Adds a stream at a time until p95 or the frame rate breaks, or `publishers` is reached. */
export async function findCapacity(
  run: LoadRun,
  options: LoadOptions,
  tick: () => Promise<Moment>,
  stopped: () => boolean,
): Promise<Capacity> {
  const limits = { p95: options.maxP95, fps: options.minFps * options.fps };
  const steps: CapacityStep[] = [];
  for (let streams = 1; streams <= options.publishers && !stopped(); streams++) {
    run.setStreams(streams);
    let moment = await tick();
    for (let s = 0; s < CONNECT_SECONDS && moment.connected < streams && !stopped(); s++) moment = await tick();
    if (moment.connected === streams) for (let s = 0; s < SETTLE_SECONDS && !stopped(); s++) await tick();
    run.beginWindow();
    for (let s = 0; s < options.stepSeconds && !stopped(); s++) moment = await tick();
    if (stopped()) break;
    steps.push(judge(run.endWindow(), run.primary, streams, moment.connected, limits));
    if (steps.at(-1)!.broke) break;
    await sleep(0);
  }
  const best = steps.filter(({ broke }) => !broke).at(-1);
  return {
    steps,
    streams: best?.streams ?? 0,
    cores: best?.serverCores ?? Number.NaN,
    streamsPerCore: best ? best.streams / best.serverCores : Number.NaN,
    limits,
  };
}

function judge(
  result: WindowResult,
  primary: 'track' | 'data',
  streams: number,
  connected: number,
  limits: Capacity['limits'],
): CapacityStep {
  const { p50, p95, p99 } = result.latency[primary];
  const { fps, server } = result;
  const broke =
    connected < streams
      ? `only ${connected} came about`
      : fps.least < limits.fps
        ? `a stream had ${fps.least.toFixed(1)} fps`
        : p95 > limits.p95
          ? `p95 was ${p95.toFixed(0)} ms`
          : undefined;
  return {
    streams,
    connected,
    fps,
    p50,
    p95,
    p99,
    serverP95: result.latency.server.p95,
    serverCores: server.cores,
    msPerDepth: server.msPerDepth,
    loadCores: result.loadCores,
    broke,
  };
}
