import type { Logger } from 'pino';
import type { SettledConfig } from '../config/schema.ts';
import type { InferencerPool } from '../depth/pool.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Admission } from '../session/admission.ts';

/** What every job of an agent shares. */
export interface AgentContext {
  config: SettledConfig;
  pool: InferencerPool;
  metrics: Metrics;
  admission: Admission;
  log: Logger;
}
