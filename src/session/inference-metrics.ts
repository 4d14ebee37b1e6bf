import type { Logger } from 'pino';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import type { Metrics } from '../metrics/metrics.ts';

interface Context {
  metrics: Pick<Metrics, 'workerRestarts'>;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** Logs and counts an inferencer's restarts, and what became of the devices that were asked for. */
export function watchInference({ metrics, log }: Context, inferencer: WorkerInferencer): void {
  const { name } = inferencer.model;
  const { check, device } = inferencer.engine ?? {};
  for (const refused of inferencer.refused)
    log.warn({ model: name, ...refused }, refused.precision ? 'runs in fp32 instead' : 'device not taken');
  if (check) log.info({ model: name, device, ...check }, 'device checked against the CPU');
  inferencer.on('fallback', (reason) => {
    log.error({ model: name, reason }, 'the device keeps failing, continuing on the CPU');
  });
  inferencer.on('restart', (reason) => {
    metrics.workerRestarts.inc();
    log.warn({ model: inferencer.model.name, reason }, 'depth worker died, starting another');
  });
}
