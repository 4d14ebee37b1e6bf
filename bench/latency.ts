import type { DepthServer } from '../src/server/server.ts';
import { parseMetrics } from '../test/support/load/metrics.ts';
import { quantile } from '../test/support/load/table.ts';

const OUTPUTS = ['track', 'data'] as const;
type Output = (typeof OUTPUTS)[number];
type Buckets = readonly { ms: number; count: number }[];

/** Of each output, ms that a share of its frames took at most, last packet in to first packet out; NaN of no frames. */
export type Latency = Record<Output, (share: number) => number>;

/** What had been counted at a moment. */
type Mark = Record<Output, { frames: number; buckets: Buckets }>;

/**
 * Reads the latency of a server in this process: of every frame where peers live on this thread, and elsewhere by the buckets of the
 * histogram that the server exports, 5 ms wide where it matters, taken as even within.
 */
export class LatencyMeter {
  readonly #frames: Record<Output, number[]> = { track: [], data: [] };

  constructor({ context }: DepthServer) {
    const { latency } = context.metrics;
    const observe = latency.observe.bind(latency);
    latency.observe = ((labels: { output: Output }, value: number) => {
      this.#frames[labels.output].push(value * 1000);
      observe(labels, value);
    }) as typeof observe;
  }

  /** @param metrics what the server exports now */
  mark(metrics: string): Mark {
    const samples = parseMetrics(metrics);
    const of = (output: Output) => {
      const buckets = samples
        .filter(({ name }) => name === 'depthcast_frame_latency_seconds_bucket')
        .filter(({ labels }) => labels.includes(`output="${output}"`))
        .map(({ labels, value }) => ({
          ms: 1000 * Number(/le="([^"]+)"/.exec(labels)![1]!.replace('+Inf', 'Infinity')),
          count: value,
        }));
      return { frames: this.#frames[output].length, buckets };
    };
    return { track: of('track'), data: of('data') };
  }

  between(from: Mark, to: Mark): Latency {
    const of = (output: Output) => {
      const frames = this.#frames[output].slice(from[output].frames, to[output].frames);
      if (frames.length > 0) return (share: number) => quantile(frames, share);
      const before = from[output].buckets;
      const counted = to[output].buckets.map(({ ms, count }, n) => ({ ms, count: count - (before[n]?.count ?? 0) }));
      return (share: number) => bucketQuantile(counted, share);
    };
    return { track: of('track'), data: of('data') };
  }
}

/** As Prometheus has it: linear within a bucket. */
function bucketQuantile(buckets: Buckets, share: number): number {
  const wanted = share * (buckets.at(-1)?.count ?? 0);
  const at = buckets.findIndex(({ count }) => count >= wanted);
  const [low, high] = [buckets[at - 1] ?? { ms: 0, count: 0 }, buckets[at]];
  if (high === undefined || high.count === low.count) return Number.NaN;
  return low.ms + ((high.ms - low.ms) * (wanted - low.count)) / (high.count - low.count);
}
