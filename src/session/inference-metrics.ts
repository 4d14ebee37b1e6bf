import type { Logger } from 'pino';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { Metrics } from '../metrics/metrics.ts';

interface Context {
  metrics: Pick<Metrics, 'workerRestarts'>;
  log: Pick<Logger, 'warn'>;
}

/** Logs and counts an inferencer's restarts. */
export function watchInference({ metrics, log }: Context, inferencer: WorkerInferencer): void {
  inferencer.on('restart', (reason) => {
    metrics.workerRestarts.inc();
    log.warn({ model: inferencer.model.name, reason }, 'depth worker died, starting another');
  });
}
