import { Histogram, type Registry } from 'prom-client';
import type { Stage } from '../protocol/messages.ts';
import { PREFIX } from './define.ts';

const BUCKETS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1];

/** Times that wait to be counted: a second of one stream's. */
const MAX_UNCOUNTED = 256;

/**
 * Times that frames spent in each stage. Eight come of a frame, and each alone costs a histogram as much as many at once: they wait until
 * somebody looks or enough have come.
 */
export class StageTimes {
  readonly #histogram: Histogram<'stage'>;
  /** ms that are not counted yet. */
  readonly #waiting = new Map<Stage, number[]>();
  #uncounted = 0;

  constructor(registry: Registry) {
    this.#histogram = new Histogram({
      name: `${PREFIX}stage_duration_seconds`,
      help: 'Time one frame spent in a stage',
      labelNames: ['stage'],
      buckets: BUCKETS,
      registers: [registry],
      collect: () => this.#count(),
    });
  }

  /** `ms` milliseconds of one frame in one stage. */
  observe(stage: Stage, ms: number): void {
    const waiting = this.#waiting.get(stage);
    if (waiting) waiting.push(ms);
    else this.#waiting.set(stage, [ms]);
    if (++this.#uncounted >= MAX_UNCOUNTED) this.#count();
  }

  #count(): void {
    for (const [stage, waiting] of this.#waiting) {
      for (const ms of waiting) this.#histogram.observe({ stage }, ms / 1000);
      waiting.length = 0;
    }
    this.#uncounted = 0;
  }
}
