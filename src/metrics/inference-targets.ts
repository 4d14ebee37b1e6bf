import { Gauge, type Registry } from 'prom-client';
import { PREFIX } from './define.ts';

/** Weight of a new frame in the moving average that is compared with a target: about the last second. */
const MOMENTUM = 1 / 30;

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
  /** `mean` in milliseconds; 0 before the first frame. */
  readonly #targets = new Map<string, { seconds: number; mean: number }>();

  constructor(registry: Registry) {
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
    });
  }

  set(targets: readonly Target[]): void {
    this.#target.reset();
    this.#ratio.reset();
    this.#targets.clear();
    for (const { model, precision, seconds } of targets) {
      this.#target.set({ model, precision }, seconds);
      this.#targets.set(`${model} ${precision}`, { seconds, mean: 0 });
    }
  }

  /** `ms` that a model took for one frame; models without a target are passed over. */
  observe(model: string, precision: string, ms: number): void {
    const target = this.#targets.get(`${model} ${precision}`);
    if (target === undefined) return;
    target.mean = target.mean === 0 ? ms : target.mean + MOMENTUM * (ms - target.mean);
    this.#ratio.set({ model, precision }, target.mean / 1000 / target.seconds);
  }
}
