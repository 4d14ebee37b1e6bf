import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DepthcastError } from '../errors.ts';
import type { DepthFiles } from './depth-writer.ts';
import { diskError } from './disk.ts';

export interface OutputOptions {
  saveNpz: boolean;
  saveExr: boolean;
  savePng16: boolean;
  sideBySide: boolean;
}

/** Every file of a job. */
export interface OutputFiles extends DepthFiles {
  source: string;
  /** What was done, and what a later run needs to go on. */
  record: string;
}

export function outputFiles(folder: string, name: string, options: OutputOptions): OutputFiles {
  const path = (suffix: string) => join(folder, `${name}_${suffix}`);
  return {
    vis: path('vis.mp4'),
    source: path('src.mp4'),
    sideBySide: options.sideBySide ? path('side.mp4') : undefined,
    npz: options.saveNpz ? path('depths.npz') : undefined,
    exr: options.saveExr ? path('depths_exr') : undefined,
    png16: options.savePng16 ? path('depths_png16') : undefined,
    record: path('depths.json'),
  };
}

/**
 * Makes the folder, and sees to what an earlier run left in it.
 * @throws DepthcastError OUTPUT_EXISTS unless `force`, which removes it; BAD_OPTION, DISK_FULL when nothing can be written
 */
export async function makeRoom(folder: string, files: OutputFiles, force: boolean): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(diskError(folder));
  for (const file of Object.values(files) as (string | undefined)[]) {
    if (file === undefined || !(await exists(file))) continue;
    if (!force)
      throw new DepthcastError('OUTPUT_EXISTS', { detail: `${file}; --force replaces it, --resume goes on with it` });
    await rm(file, { recursive: true }).catch(diskError(file));
  }
}

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
