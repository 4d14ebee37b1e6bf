import type { Logger } from 'pino';
import type { Config, SettledConfig } from '../config/schema.ts';
import { measureSize } from '../depth/auto-size.ts';
import { checkSize } from '../depth/network-size.ts';
import { InferencerPool } from '../depth/pool.ts';
import { DepthcastError } from '../errors.ts';
import { modelFolder } from '../model/store/folder.ts';

/**
 * The depth workers of an agent, the first one loaded and warm.
 * @throws DepthcastError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, BAD_MANIFEST, BAD_MODEL, BAD_SIZE
 */
export async function openPool(
  config: Config,
  log: Logger,
): Promise<{ pool: InferencerPool; config: SettledConfig; device: string }> {
  const { model, device, threads, workers, size, targetFps, cutThreshold, metric, precision } = config.depth;
  if (device !== 'cpu')
    throw new DepthcastError('DEVICE_UNAVAILABLE', { detail: `${device}; this version runs networks on: cpu` });
  const wanted = typeof size === 'number' ? size : undefined;
  const pool = new InferencerPool(model, {
    threads,
    workers,
    cutThreshold,
    size: wanted,
    library: {
      store: modelFolder(config.models.folder),
      metric: metric ?? undefined,
      precision: precision ?? undefined,
    },
  });
  try {
    if (wanted !== undefined) checkSize(pool.models[0]!.manifest, wanted);
    const first = await pool.get();
    let settled = size;
    if (settled === 'auto') {
      const measured = await measureSize(first, targetFps);
      log.info({ ...measured, targetFps }, 'network size measured');
      settled = measured.size;
    }
    return { pool, config: { ...config, depth: { ...config.depth, size: settled } }, device: first.device };
  } catch (thrown) {
    await pool.close();
    throw thrown;
  }
}
