import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { House } from './house.ts';

/** Logs and counts an inferencer's restarts. */
export function watchInference({ metrics, log }: House, inferencer: WorkerInferencer): void {
  inferencer.on('restart', (reason) => {
    metrics.workerRestarts.inc();
    log.warn({ model: inferencer.model.name, reason }, 'depth worker died, starting another');
  });
}
