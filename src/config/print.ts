import { stringify } from 'yaml';
import { partsOf } from './rules.ts';
import { type Config, configSchema } from './schema.ts';

const HIDDEN = '(hidden)';
/** Keys, at any depth, whose values are secret. */
const SECRETS = new Set(
  [...partsOf(configSchema)].filter(({ own }) => own.secrecy === 'secret').map(({ path }) => path.split('.').at(-1)),
);

/** The settings in force as YAML, with the values of secrets replaced. */
export function printConfig(config: Config): string {
  return stringify(JSON.parse(JSON.stringify(config, hide)));
}

function hide(key: string, value: unknown): unknown {
  if (!SECRETS.has(key) || value === null) return value;
  return Array.isArray(value) ? value.map(() => HIDDEN) : HIDDEN;
}
