import type { Logger } from 'pino';
import { devicesOf } from '../config/devices.ts';
import type { Config, SettledConfig } from '../config/schema.ts';
import { measureSize } from '../depth/auto-size.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import { checkSize } from '../depth/network-size.ts';
import { InferencerPool } from '../depth/pool.ts';
import { modelFolder } from '../model/store/folder.ts';

export interface OpenedPool {
  pool: InferencerPool;
  /** The inferencer of the default model, loaded and warm. */
  first: WorkerInferencer;
  config: SettledConfig;
  /** Sizes follow the load: `depth.size` was `auto`. */
  adaptive: boolean;
}

/**
 * The depth workers that the settings ask for, and the settings with a size in the place of `auto`.
 * @param onLoad is told of every inferencer that is loaded later than the first
 * @throws DepthcastError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, BAD_MANIFEST, BAD_MODEL, BAD_SIZE
 */
export async function openPool(
  config: Config,
  log: Logger,
  onLoad: (inferencer: WorkerInferencer) => void,
): Promise<OpenedPool> {
  const { model, threads, workers, size, cutThreshold, metric, precision } = config.depth;
  const wanted = typeof size === 'number' ? size : undefined;
  let first: WorkerInferencer | undefined;
  const pool = new InferencerPool(model, {
    threads,
    workers,
    ...devicesOf(config),
    cutThreshold,
    size: wanted,
    library: {
      store: modelFolder(config.models.folder),
      metric: metric ?? undefined,
      precision: precision ?? undefined,
    },
    onLoad: (inferencer) => first && onLoad(inferencer),
  });
  try {
    // A size that the default model does not have stops the start.
    if (wanted !== undefined) checkSize(pool.models[0]!.manifest, wanted);
    first = await pool.get();
    const settled = await settle(config, first, log);
    pool.size = settled.depth.size ?? undefined;
    return { pool, first, config: settled, adaptive: size === 'auto' };
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
