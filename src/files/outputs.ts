import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DepthcastError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { DepthFiles } from './depth-writer.ts';
import { diskError } from './disk.ts';

export interface OutputOptions {
  saveNpz: boolean;
  saveExr: boolean;
  savePng16: boolean;
  sideBySide: boolean;
  stacked: boolean;
  /** Frames whose points are written. */
  savePly?: string | undefined;
  saveGlb?: string | undefined;
  /** ROS 2 messages as MCAP: its file, or true for one among the others. */
  mcap?: string | true | undefined;
}

/** Every file of a job. */
export interface OutputFiles extends DepthFiles {
  source: string;
  /** A folder of points, a file a frame. */
  points: string | undefined;
  mcap: string | undefined;
  /** What was done, and what a later run needs to go on. */
  record: string;
}

export function outputFiles(folder: string, name: string, options: OutputOptions): OutputFiles {
  const path = (suffix: string) => join(folder, `${name}_${suffix}`);
  return {
    vis: path('vis.mp4'),
    source: path('src.mp4'),
    sideBySide: options.sideBySide ? path('side.mp4') : undefined,
    stacked: options.stacked ? path('stacked.mp4') : undefined,
    npz: options.saveNpz ? path('depths.npz') : undefined,
    exr: options.saveExr ? path('depths_exr') : undefined,
    png16: options.savePng16 ? path('depths_png16') : undefined,
    points: options.savePly || options.saveGlb ? path('points') : undefined,
    mcap: options.mcap === true ? path('depths.mcap') : options.mcap,
    record: path('depths.json'),
  };
}

/** @throws DepthcastError OUTPUT_EXISTS: an earlier run left some of the files */
export async function refuseExisting(files: OutputFiles): Promise<void> {
  for (const file of pathsOf(files))
    if (await exists(file))
      throw new DepthcastError('OUTPUT_EXISTS', { detail: `${file}; --force replaces it, --resume continues it` });
}

/** Makes the folder, without what an earlier run left of the files. @throws DepthcastError BAD_OPTION, DISK_FULL */
export async function clearOutputs(folder: string, files: OutputFiles): Promise<void> {
  await makeFolder(folder).catch(diskError(folder));
  // Series of images are folders. What somebody named himself is a file: a folder of that name is not ours to remove.
  for (const file of pathsOf(files))
    await rm(file, { recursive: file !== files.mcap, force: true }).catch(diskError(file));
}

const pathsOf = (files: OutputFiles): string[] =>
  (Object.values(files) as (string | undefined)[]).filter((file) => file !== undefined);

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
