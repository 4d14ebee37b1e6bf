import type { Logger } from 'pino';
import { sizeLadder } from '../depth/size-ladder.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { SizeControl } from '../stream/size-control.ts';
import type { Admission } from './admission.ts';
import type { Registry } from './registry.ts';

const TICK_MS = 1000;

interface Context {
  registry: Pick<Registry, 'streams'>;
  admission: Pick<Admission, 'utilisation'>;
  metrics: Pick<Metrics, 'sizeSteps' | 'sizeChanges'>;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** Makes the networks of a busy server smaller, and larger again when the load has gone: `depth.size: auto`. */
export class AdaptiveSize {
  readonly #context: Context;
  readonly #control: SizeControl;
  readonly #timer: NodeJS.Timeout;
  #arrived = 0;
  #dropped = 0;
  readonly #told = new Set<string>();

  /** @param size of the default model with which streams begin */
  constructor(context: Context, model: ModelManifest, size: number) {
    this.#context = context;
    this.#control = new SizeControl(sizeLadder(model, size).map((side) => side ** 2));
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  get steps(): number {
    return this.#control.steps;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Once a second. */
  tick(): void {
    const { registry, admission, metrics, log } = this.#context;
    const { streams } = registry;
    let [arrived, dropped] = [0, 0];
    for (const { stats } of streams) {
      arrived += stats.totals.arrived;
      dropped += stats.totals.dropped['newer'] ?? 0;
    }
    // A stream that ended took its counts along.
    const came = Math.max(0, arrived - this.#arrived);
    const lost = Math.max(0, dropped - this.#dropped);
    this.#arrived = arrived;
    this.#dropped = dropped;
    const before = this.#control.steps;
    const { utilisation } = admission;
    const steps = this.#control.tick({ utilisation, dropped: came > 0 ? Math.min(1, lost / came) : 0 });
    for (const stream of streams) {
      if (stream.reducible) stream.reduce(steps);
      else if (steps > 0 && !this.#told.has(stream.model)) {
        this.#told.add(stream.model);
        log.warn(
          { model: stream.model },
          'the server is busy, but this network keeps its size: its engine cannot carry memory over',
        );
      }
    }
    if (steps === before) return;
    metrics.sizeSteps.set(steps);
    metrics.sizeChanges.inc({ direction: steps > before ? 'down' : 'up' });
    const facts = { steps, utilisation: Math.round(100 * utilisation) / 100, dropped: lost, arrived: came };
    log.info(facts, steps > before ? 'busy: networks made smaller' : 'networks made larger again');
  }
}
