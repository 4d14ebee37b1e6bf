import type { ErrorCode } from '../errors.ts';
import type { FrameOutcome, Metrics } from '../metrics/metrics.ts';
import { type SessionStats, STAGES, type Stage } from '../protocol/messages.ts';
import type { FrameTiming } from './depth-sink.ts';

/** Samples kept for a second's medians; a stream of 120 fps fits. */
const CAPACITY = 256;

const REASONS = { dropped: 'newer', undecodable: 'reference', failed: 'INTERNAL' } as const;

/** The last second's samples of one quantity, in memory that is reused. */
class SampleWindow {
  readonly #samples = new Float32Array(CAPACITY);
  #count = 0;

  add(value: number): void {
    this.#samples[this.#count++ % CAPACITY] = value;
  }

  /** Quantiles of what was added since the last call; undefined when nothing was. */
  take(...qs: number[]): number[] | undefined {
    const sorted = this.#samples.subarray(0, Math.min(this.#count, CAPACITY)).sort();
    this.#count = 0;
    return sorted.length === 0
      ? undefined
      : qs.map((q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!);
  }
}

/** What a stream's client is told once a second. */
export type StreamReport = Pick<
  SessionStats,
  'framesIn' | 'framesOut' | 'framesDropped' | 'stages' | 'latency' | 'bitrate'
>;

/** Frames of a stream since it began. */
export interface FrameTotals {
  /** Whole frames that came. */
  arrived: number;
  decoded: number;
  /** Depth was made of them, or reused: of the last, `reused`. */
  depth: number;
  reused: number;
  /**
   * By reason: `newer`, a newer picture took the place; `reference`, what it refers to was lost; `model` and `closed`, it was
   * at the network when that was changed or the stream ended; otherwise an error's code.
   */
  dropped: Record<string, number>;
}

/** Counts and times one stream's frames, for its client and for the server's metrics. */
export class StreamStats {
  readonly #metrics: Metrics;
  readonly #stages = new Map<Stage, SampleWindow>(STAGES.map((stage) => [stage, new SampleWindow()]));
  readonly #latency = new SampleWindow();
  #in = 0;
  #out = 0;
  #dropped = 0;
  readonly totals: FrameTotals = { arrived: 0, decoded: 0, depth: 0, reused: 0, dropped: {} };
  /** What the last report said. */
  latest: StreamReport | undefined;
  #since = performance.now();
  /** By output, since the last report. */
  readonly #bytes = new Map<string, number>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** `ms` of one frame in one stage. */
  stage(stage: Stage, ms: number): void {
    this.#metrics.observeStage(stage, ms);
    this.#stages.get(stage)!.add(ms);
  }

  arrived(): void {
    this.#in++;
    this.totals.arrived++;
  }

  decoded(): void {
    this.totals.decoded++;
  }

  /** @param reused the picture did not differ, and depth of the one before stands for it too */
  made(reused = false): void {
    this.#out++;
    this.totals.depth++;
    if (reused) this.totals.reused++;
    this.#metrics.frames.inc({ outcome: reused ? 'reused' : 'depth' });
  }

  /** @param why the code of the error that was the cause, where there was one */
  lost(outcome: Exclude<FrameOutcome, 'depth' | 'reused'>, why?: ErrorCode | 'model' | 'closed'): void {
    if (outcome === 'dropped') this.#dropped++;
    const reason = why ?? REASONS[outcome];
    this.totals.dropped[reason] = (this.totals.dropped[reason] ?? 0) + 1;
    this.#metrics.frames.inc({ outcome });
  }

  /** A depth map left on an output. */
  sent(output: string, { encode, send, bytes, latency }: FrameTiming): void {
    this.stage('encode', encode);
    this.stage('send', send);
    this.#bytes.set(output, (this.#bytes.get(output) ?? 0) + bytes);
    if (latency === undefined) return;
    this.#latency.add(latency);
    this.#metrics.latency.observe({ output }, latency / 1000);
  }

  /** Rates and medians since the last report. @param videoBytes received since then */
  report(videoBytes: number): StreamReport {
    const now = performance.now();
    const seconds = Math.max(0.001, (now - this.#since) / 1000);
    const rate = (n: number) => Math.round((10 * n) / seconds) / 10;
    const bitrate = (output: string) => Math.round((8 * (this.#bytes.get(output) ?? 0)) / seconds);
    const stages: StreamReport['stages'] = {};
    for (const [stage, window] of this.#stages) {
      const median = window.take(0.5)?.[0];
      if (median !== undefined) stages[stage] = median;
    }
    const [p50 = 0, p95 = 0] = this.#latency.take(0.5, 0.95) ?? [];
    const report: StreamReport = {
      framesIn: rate(this.#in),
      framesOut: rate(this.#out),
      framesDropped: rate(this.#dropped),
      stages,
      latency: { p50, p95 },
      bitrate: {
        video: Math.round((8 * videoBytes) / seconds),
        track: bitrate('track'),
        data: bitrate('data'),
      },
    };
    this.latest = report;
    this.#metrics.frameRate.observe({ direction: 'in' }, report.framesIn);
    this.#metrics.frameRate.observe({ direction: 'out' }, report.framesOut);
    this.#in = this.#out = this.#dropped = 0;
    this.#bytes.clear();
    this.#since = now;
    return report;
  }
}
