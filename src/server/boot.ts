import type { Logger } from 'pino';
import { devicesOf } from '../config/devices.ts';
import type { Config, SettledConfig } from '../config/schema.ts';
import { measureSize } from '../depth/auto-size.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import { checkSize } from '../depth/network-size.ts';
import { InferencerPool } from '../depth/pool.ts';
import { Metrics } from '../metrics/metrics.ts';
import { modelFolder } from '../model/store/folder.ts';
import { Admission } from '../session/admission.ts';
import { watchInference } from '../session/inference-metrics.ts';
import { Registry } from '../session/registry.ts';
import { publishScenes } from '../session/scenes.ts';
import type { ServerContext } from '../session/server-context.ts';
import { warmUpDtls } from '../webrtc/index.ts';

export interface BootOptions {
  config: Config;
  version: string;
  log: Logger;
}

/**
 * Loads the model and makes what the parts of a server share.
 * @throws DepthcastError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, BAD_MANIFEST, BAD_MODEL, BAD_SIZE, UNKNOWN_SCENE
 */
export async function boot({ config: given, version, log }: BootOptions): Promise<ServerContext> {
  const { model, threads, workers, size, cutThreshold, metric, precision } = given.depth;
  const wanted = typeof size === 'number' ? size : undefined;
  let context: ServerContext | undefined;
  const pool = new InferencerPool(model, {
    threads,
    workers,
    ...devicesOf(given),
    cutThreshold,
    size: wanted,
    library: {
      store: modelFolder(given.models.folder),
      metric: metric ?? undefined,
      precision: precision ?? undefined,
    },
    onLoad: (inferencer) => context && watchInference(context, inferencer),
  });
  try {
    // A size that the default model does not have stops the start.
    if (wanted !== undefined) checkSize(pool.models[0]!.manifest, wanted);
    const first = await pool.get();
    const config = await settle(given, first, log);
    const metrics = new Metrics({ version, model: first.model.name, device: first.device });
    metrics.setTargets(config.targets);
    const registry = new Registry();
    const admission = new Admission({ registry, pool, config });
    context = { config, version, pool, metrics, log, registry, admission, device: first.device };
    watchInference(context, first);
    await Promise.all([publishScenes(context), warmUpDtls()]);
    return context;
  } catch (thrown) {
    await pool.close();
    throw thrown;
  }
}

/** Turns `size: auto` into a size, by measuring. */
async function settle(config: Config, inferencer: WorkerInferencer, log: Logger): Promise<SettledConfig> {
  const { size, targetFps } = config.depth;
  if (size !== 'auto') return { ...config, depth: { ...config.depth, size } };
  const { size: chosen, milliseconds, holds } = await measureSize(inferencer, targetFps);
  const facts = { model: inferencer.model.name, size: chosen, milliseconds: Math.round(milliseconds), targetFps };
  if (holds) log.info(facts, 'network size measured');
  else log.warn(facts, 'even the smallest network size does not hold the target');
  return { ...config, depth: { ...config.depth, size: chosen } };
}
