import { partsOf } from './rules.ts';
import { type Config, configSchema } from './schema.ts';

/** Keys that a running server takes over. */
export const RELOADABLE: readonly string[] = [...partsOf(configSchema)]
  .filter(({ own }) => own.reload === 'live')
  .map(({ path }) => path);

export interface ReloadReport {
  /** Keys whose new value is in force. */
  changed: string[];
  /** Keys that differ and wait for a restart. */
  needRestart: string[];
}

type Tree = Record<string, unknown>;

/** Takes what may change from `next` into `config`, in place: whoever holds one of its sections sees the new values. */
export function reloadConfig(config: Config, next: Config): ReloadReport {
  const report: ReloadReport = { changed: [], needRestart: [] };
  const take = (path: string, holder: Tree, key: string, value: unknown) => {
    if (JSON.stringify(holder[key]) === JSON.stringify(value)) return;
    if (RELOADABLE.includes(path)) {
      holder[key] = value;
      report.changed.push(path);
    } else report.needRestart.push(path);
  };
  for (const [section, value] of Object.entries(next)) {
    const now = (config as Tree)[section];
    if (Array.isArray(value)) take(section, config, section, value);
    else for (const key of Object.keys(value)) take(`${section}.${key}`, now as Tree, key, (value as Tree)[key]);
  }
  return report;
}
