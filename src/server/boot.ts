import type { Logger } from 'pino';
import { usableCores } from '../cgroup.ts';
import { type Config, MOST_MEDIA_WORKERS } from '../config/schema.ts';
import { type MediaContext, MediaWorkers } from '../media/media-workers.ts';
import { Metrics } from '../metrics/metrics.ts';
import { AdaptiveSize } from '../session/adaptive-size.ts';
import { Admission } from '../session/admission.ts';
import { watchInference } from '../session/inference-metrics.ts';
import { LocalPeers } from '../session/local-peers.ts';
import { openPool } from '../session/open-pool.ts';
import type { PeerHost } from '../session/peer-host.ts';
import { PulledSources } from '../session/pulled-sources.ts';
import { PushedOutputs } from '../session/pushed-outputs.ts';
import { Recordings } from '../session/recordings.ts';
import { Registry } from '../session/registry.ts';
import { publishScenes } from '../session/scenes.ts';
import type { ServerContext } from '../session/server-context.ts';
import { StreamMattes } from '../session/stream-mattes.ts';
import { warmUpDtls } from '../webrtc/index.ts';

export interface BootOptions {
  config: Config;
  version: string;
  log: Logger;
}

/**
 * Loads the model and makes what the parts of a server share.
 * @throws DepthcastError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, BAD_MANIFEST, BAD_MODEL, BAD_SIZE, UNKNOWN_SCENE, STREAM_TAKEN, BUSY
 */
export async function boot({ config: given, version, log }: BootOptions): Promise<ServerContext> {
  let context: ServerContext | undefined;
  let peers: PeerHost | undefined;
  const { pool, first, config, adaptive } = await openPool(
    given,
    log,
    (inferencer) => context && watchInference(context, inferencer),
  );
  const registry = new Registry();
  try {
    const metrics = new Metrics({ version, model: first.model.name, device: first.device });
    metrics.setTargets(config.targets);
    const admission = new Admission({ registry, pool, config });
    const recordings = new Recordings({ config, registry, log });
    const shared = { config, version, pool, metrics, log, registry, admission };
    peers = await openPeers(shared);
    const sources = new PulledSources({ ...shared, peers });
    const mattes = await StreamMattes.open({ config, registry, log });
    const outputs = new PushedOutputs({ config, registry, mattes, log, metrics });
    for (const settings of config.outputs.push) outputs.add(settings, 'config');
    const size = adaptive ? new AdaptiveSize(shared, first.model, pool.sizeOf(first.model)) : undefined;
    context = { ...shared, mattes, outputs, peers, sources, recordings, device: first.device, size };
    watchInference(context, first);
    await Promise.all([publishScenes(context), warmUpDtls()]);
    for (const settings of config.sources.pull) await sources.add(settings, 'config');
    return context;
  } catch (thrown) {
    // What is pulled and rendered already would keep the process alive.
    await registry.close('start failed');
    await peers?.close('start failed');
    await pool.close();
    throw thrown;
  }
}

/** Peers and streams in as many media workers as the settings say; by themselves one for each core but one, as they are wanted. */
async function openPeers(context: MediaContext): Promise<PeerHost> {
  const { mediaWorkers } = context.config.server;
  if (mediaWorkers === 0) return new LocalPeers(context);
  if (mediaWorkers !== 'auto') return MediaWorkers.start(context, { first: mediaWorkers, most: mediaWorkers });
  const most = Math.min(MOST_MEDIA_WORKERS, Math.max(1, usableCores() - 1));
  return MediaWorkers.start(context, { first: 1, most });
}
