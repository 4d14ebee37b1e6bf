import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { z } from 'zod';
import { DepthcastError } from '../errors.ts';
import { nestsTooDeep } from './nesting.ts';
import { type Config, configSchema } from './schema.ts';

type Tree = Record<string, unknown>;

/** Aliases cannot blow up; an unknown tag is no news: what it marks is checked all the same. */
const PARSING = { maxAliasCount: 20, logLevel: 'error' } as const;

export interface LoadOptions {
  /** Path of the YAML file. */
  file?: string;
  env?: Record<string, string | undefined>;
  /** Dotted keys from the command line; they win. */
  overrides?: Record<string, unknown>;
}

/** What Kubernetes and Docker set for a service that is named depthcast. */
const FOREIGN_VARIABLE = /^DEPTHCAST_(SERVICE_|PORT(_|$)|NAME$|ENV_)/;

/** Where a value came from, by its `section.key`, for messages. */
type Origins = Map<string, string>;

/**
 * Reads the settings: defaults, then the file, then `DEPTHCAST_SECTION_KEY` variables, then overrides.
 * Throws BAD_CONFIG naming where the value stands, the key, what is wrong with it and, for a misspelt key, the likely one.
 */
export function loadConfig({ file, env = {}, overrides = {} }: LoadOptions = {}): Config {
  const tree = file === undefined ? {} : readFile(file);
  const origins: Origins = new Map();
  for (const section of Object.keys(configSchema.shape)) if (section !== 'targets') tree[section] ??= {};
  for (const [path, name, text] of environmentKeys(env)) {
    set(tree, path, readVariable(name, text));
    origins.set(path, name);
  }
  for (const [path, value] of Object.entries(overrides)) {
    if (value === undefined) continue;
    set(tree, path, value);
    origins.set(path, 'command line');
  }
  const result = configSchema.safeParse(tree);
  if (!result.success) throw new DepthcastError('BAD_CONFIG', { detail: describe(result.error, origins, file) });
  return result.data;
}

function parseYaml(text: string): unknown {
  if (nestsTooDeep(text)) throw new Error('it nests too deep');
  return parse(text, PARSING);
}

function readVariable(name: string, text: string): unknown {
  try {
    return parseYaml(text);
  } catch (thrown) {
    throw new DepthcastError('BAD_CONFIG', { detail: `${name} is no YAML value: ${text.slice(0, 80)}`, cause: thrown });
  }
}

function readFile(file: string): Tree {
  if (!existsSync(file)) throw new DepthcastError('BAD_CONFIG', { detail: `${file} does not exist` });
  let tree: unknown;
  try {
    tree = parseYaml(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new DepthcastError('BAD_CONFIG', { detail: `${file}: ${(thrown as Error).message}`, cause: thrown });
  }
  if (tree === null || tree === undefined) return {};
  if (typeof tree !== 'object' || Array.isArray(tree))
    throw new DepthcastError('BAD_CONFIG', { detail: `${file} must hold a mapping of sections` });
  return tree as Tree;
}

/** `DEPTHCAST_LIMITS_VIEWERS_PER_STREAM` for `limits.viewersPerStream`. */
const variableOf = (path: string): string =>
  `DEPTHCAST_${path
    .replace('.', '_')
    .replace(/[a-z0-9](?=[A-Z])/g, '$&_')
    .toUpperCase()}`;

const KEY_PATHS: readonly string[] = Object.entries(configSchema.shape).flatMap(([section, schema]) =>
  'shape' in schema ? Object.keys(schema.shape).map((key) => `${section}.${key}`) : [],
);
const KEYS_AND_SECTIONS: readonly string[] = [...KEY_PATHS, ...Object.keys(configSchema.shape)];
const VARIABLES: readonly string[] = [...KEY_PATHS, 'targets'].map(variableOf);
const PATH_OF_VARIABLE = new Map(
  [...KEY_PATHS, 'targets'].map((path) => [variableOf(path).replaceAll('_', ''), path] as const),
);

/** `[['server.port', 'DEPTHCAST_SERVER_PORT', '9000'], ...]`; underscores within a key's name may be left out. */
function environmentKeys(env: Record<string, string | undefined>): [string, string, string][] {
  return Object.entries(env).flatMap(([name, text]): [string, string, string][] => {
    if (!name.startsWith('DEPTHCAST_') || text === undefined || FOREIGN_VARIABLE.test(name)) return [];
    const path = PATH_OF_VARIABLE.get(name.replaceAll('_', ''));
    if (path !== undefined) return [[path, name, text]];
    const near = nearest(name, VARIABLES);
    const detail = `the environment variable ${name} names no setting${near ? `; did you mean ${near}?` : ''}`;
    throw new DepthcastError('BAD_CONFIG', { detail });
  });
}

/** Every `section.key` of the schema. */
export function keyPaths(): string[] {
  return [...KEY_PATHS];
}

function set(tree: Tree, path: string, value: unknown): void {
  const [section = '', key] = path.split('.');
  if (key === undefined) tree[section] = value;
  else {
    const branch = tree[section];
    // A section that is no mapping is left for the schema to refuse by name.
    if (typeof branch === 'object' && branch !== null) (branch as Tree)[key] = value;
  }
}

function describe(error: z.ZodError, origins: Origins, file: string | undefined): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => {
      const path = issue.path.join('.');
      const origin = origins.get(issue.path.slice(0, 2).join('.')) ?? origins.get(String(issue.path[0])) ?? file;
      const where = origin ? `${origin}: ` : '';
      if (issue.code !== 'unrecognized_keys') return `${where}${path || 'settings'}: ${issue.message}`;
      return issue.keys
        .map((key) => {
          const full = path ? `${path}.${key}` : key;
          const near = nearest(full, KEYS_AND_SECTIONS);
          return `${where}unknown key ${full}${near ? `; did you mean ${near}?` : ''}`;
        })
        .join('; ');
    })
    .join('; ');
}

/** A longer word is no misspelt key, and comparing it would take long. */
const MAX_WORD = 100;

function nearest(word: string, words: readonly string[]): string | undefined {
  if (word.length > MAX_WORD) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, word.length / 3);
  for (const candidate of words) {
    // The distance is at least the difference in length.
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance, in one row that is written over. */
function editDistance(a: string, b: string): number {
  const row = Uint16Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = i - 1;
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j]!;
      row[j] = Math.min(above + 1, row[j - 1]! + 1, diagonal + (a[i - 1] === b[j - 1] ? 0 : 1));
      diagonal = above;
    }
  }
  return row[b.length]!;
}
