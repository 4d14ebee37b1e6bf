import type { Logger } from 'pino';
import type { SettledConfig } from '../config/schema.ts';
import type { InferencerPool } from '../depth/pool.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { AdaptiveSize } from './adaptive-size.ts';
import type { Admission } from './admission.ts';
import type { PeerHost } from './peer-host.ts';
import type { PulledSources } from './pulled-sources.ts';
import type { PushedOutputs } from './pushed-outputs.ts';
import type { Recordings } from './recordings.ts';
import type { Registry } from './registry.ts';
import type { StreamMattes } from './stream-mattes.ts';

/** What the parts of a server share. Each names, where it stands, the parts of it that it uses. */
export interface ServerContext {
  config: SettledConfig;
  pool: InferencerPool;
  metrics: Metrics;
  registry: Registry;
  admission: Admission;
  peers: PeerHost;
  /** What the server pulls. */
  sources: PulledSources;
  recordings: Recordings;
  /** What the server sends. */
  outputs: PushedOutputs;
  /** What the mattes of streams show. */
  mattes: StreamMattes;
  log: Logger;
  version: string;
  /** Where sizes follow the load. */
  size: AdaptiveSize | undefined;
  /** What runs the default model, for people. */
  device: string;
}
