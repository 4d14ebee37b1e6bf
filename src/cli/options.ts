import { existsSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';

/** The settings file that is read when none is named, if it is there. */
export const DEFAULT_CONFIG = 'config/depthcast.yaml';

/** Settings as every command reads them: file, environment, then the command line's own. Throws BAD_CONFIG. */
export function readSettings(named: string | undefined, overrides: Record<string, unknown> = {}): Config {
  const file = named ?? (existsSync(DEFAULT_CONFIG) ? DEFAULT_CONFIG : undefined);
  return loadConfig({ ...(file === undefined ? {} : { file }), env: process.env, overrides });
}

/** A commander parser for whole numbers within bounds. */
export function integer(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`a whole number from ${min} to ${max} is expected.`);
    return value;
  };
}
