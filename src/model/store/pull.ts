import { basename, join } from 'node:path';
import { DepthcastError } from '../../errors.ts';
import { Checkpoint } from '../checkpoint/checkpoint.ts';
import { inferConfig } from '../graph/config.ts';
import type { InstalledModel } from '../library.ts';
import { type DownloadOptions, download } from './download.ts';
import type { ModelFolder } from './folder.ts';

export interface PullOptions extends Pick<DownloadOptions, 'signal' | 'onProgress' | 'onRetry'> {
  /** Base URL that stands for the one of the manifest; paths are the same. */
  mirror?: string | null;
}

/**
 * Fetches a model's checkpoint into the store. What arrives must have the manifest's size and hash, and be a network that
 * can be run.
 * @returns the checkpoint's path
 * @throws DepthcastError MODEL_NOT_FOUND when there is nothing to fetch, BAD_CHECKPOINT, and as `download`
 */
export async function pullModel(
  { manifest }: InstalledModel,
  store: ModelFolder,
  options: PullOptions,
): Promise<string> {
  if (manifest.kind !== 'checkpoint' || manifest.checkpoint.url === undefined)
    throw new DepthcastError('MODEL_NOT_FOUND', { detail: `${manifest.name} comes from nowhere: it has no url` });
  const { file, url, bytes, sha256 } = manifest.checkpoint;
  const path = join(store.checkpoints, basename(file));
  const check = (part: string) => {
    const checkpoint = Checkpoint.open(part);
    try {
      inferConfig(checkpoint.tensors, manifest.network);
    } finally {
      checkpoint.close();
    }
  };
  await download(sourceUrl(url, options.mirror ?? null), path, { ...options, bytes, sha256, check });
  return path;
}

/** `https://mirror/base` + the official path. */
export function sourceUrl(url: string, mirror: string | null): URL {
  const official = new URL(url);
  if (mirror === null) return official;
  return new URL(`${mirror.replace(/\/+$/, '')}${official.pathname}${official.search}`);
}
