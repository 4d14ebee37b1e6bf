import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where pulled checkpoints and the graphs made of them are kept. */
export interface ModelFolder {
  readonly checkpoints: string;
  readonly graphs: string;
}

/** @param setting `models.folder`; null: `depthcast` in the user's cache (XDG_CACHE_HOME or ~/.cache) */
export function modelFolder(setting: string | null = null): ModelFolder {
  const root = setting ?? join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'depthcast');
  return { checkpoints: resolve(root, 'checkpoints'), graphs: resolve(root, 'graphs') };
}
