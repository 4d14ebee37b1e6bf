import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { ServerContext } from './server-context.ts';

/** Logs and counts an inferencer's restarts. */
export function watchInference({ metrics, log }: ServerContext, inferencer: WorkerInferencer): void {
  inferencer.on('restart', (reason) => {
    metrics.workerRestarts.inc();
    log.warn({ model: inferencer.model.name, reason }, 'depth worker died, starting another');
  });
}
