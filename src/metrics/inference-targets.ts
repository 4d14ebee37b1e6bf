import { Gauge, type Registry } from 'prom-client';
import { PREFIX } from './define.ts';

/** Weight of a new frame in the moving average that is compared with a target: about the last second. */
const MOMENTUM = 1 / 30;
/** What no frame came of for so long has no ratio: it would count for ever in the average over a server's threads. */
const STALE_MS = 10_000;

/** Published or budgeted inference time of a model. */
export interface Target {
  model: string;
  precision: string;
  seconds: number;
}

/** What models should take for a frame (config: `targets`), and what they do. */
export class InferenceTargets {
  readonly #target: Gauge<'model' | 'precision'>;
  readonly #ratio: Gauge<'model' | 'precision'>;
  /** `mean` in milliseconds; 0 before the first frame, and before the first one after a pause. `at`: when the last frame came. */
  readonly #targets = new Map<string, Target & { mean: number; at: number }>();
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(registry: Registry, now = () => performance.now()) {
    this.#now = now;
    const dropStale = () => this.#dropStale();
    const labelNames = ['model', 'precision'] as const;
    const registers = [registry];
    this.#target = new Gauge({
      name: `${PREFIX}inference_target_seconds`,
      help: 'Published or budgeted inference time (config: targets)',
      labelNames,
      aggregator: 'first',
      registers,
    });
    this.#ratio = new Gauge({
      name: `${PREFIX}inference_target_ratio`,
      help: 'Measured inference time (moving average) over its target',
      labelNames,
      aggregator: 'average',
      registers,
      collect: dropStale,
    });
  }

  set(targets: readonly Target[]): void {
    this.#target.reset();
    this.#ratio.reset();
    this.#targets.clear();
    for (const { model, precision, seconds } of targets) {
      this.#target.set({ model, precision }, seconds);
      this.#targets.set(`${model} ${precision}`, { model, precision, seconds, mean: 0, at: 0 });
    }
  }

  /** `ms` that a model took for one frame; models without a target are passed over. */
  observe(model: string, precision: string, ms: number): void {
    const target = this.#targets.get(`${model} ${precision}`);
    if (target === undefined) return;
    this.#dropStale();
    target.at = this.#now();
    target.mean = target.mean === 0 ? ms : target.mean + MOMENTUM * (ms - target.mean);
    this.#ratio.set({ model, precision }, target.mean / 1000 / target.seconds);
  }

  #dropStale(): void {
    const since = this.#now() - STALE_MS;
    for (const target of this.#targets.values()) {
      if (target.mean === 0 || target.at >= since) continue;
      target.mean = 0;
      this.#ratio.remove({ model: target.model, precision: target.precision });
    }
  }
}
