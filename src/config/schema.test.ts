import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { keyPaths } from './load.ts';
import { live, type Part, partsOf, restart, secret, shown } from './rules.ts';
import { configSchema } from './schema.ts';

/** `section.key`, and the section that is a list. */
const KEYS = [...keyPaths(), 'targets'];
const YAML = readFileSync(new URL('../../config/depthcast.yaml', import.meta.url), 'utf8');

/** Keys that do not say whether SIGHUP takes them over. */
const withoutReload = (schema: z.ZodType, keys: readonly string[]) => {
  const marked = new Set([...partsOf(schema)].filter(({ own }) => own.reload).map(({ path }) => path));
  return keys.filter((key) => !marked.has(key));
};
/** Whatever accepts text of any kind, at any depth, and does not say whether it may be seen. */
const withoutSecrecy = (schema: z.ZodType) =>
  [...partsOf(schema)].filter(({ schema, marks }) => schema._zod.def.type === 'string' && !marks.secrecy).map(path);
const path = (part: Part) => part.path;
/** Keys without a comment of their own right above them. */
const withoutComment = (yaml: string, keys: readonly string[]) => {
  const commented = new Set<string>();
  let section = '';
  for (const [above, line] of yaml.split('\n').map((text, i, lines) => [lines[i - 1] ?? '', text] as const)) {
    const [, indent, key = ''] = /^( {0,2})([a-zA-Z]\w*):/.exec(line) ?? [];
    if (indent === '') section = key;
    if (indent !== undefined && above.trim().startsWith('#')) commented.add(indent === '' ? key : `${section}.${key}`);
  }
  return keys.filter((key) => !commented.has(key));
};

describe('every setting', () => {
  it('says whether a running server takes it over', () => expect(withoutReload(configSchema, KEYS)).toEqual([]));

  it('says whether it may be seen, where it is text', () => expect(withoutSecrecy(configSchema)).toEqual([]));

  it('is secret, where its name says so', () => {
    const secrets = [...partsOf(configSchema)].filter(({ own }) => own.secrecy === 'secret').map(path);
    expect(secrets).toEqual([
      'server.tokens',
      'jwt.secret',
      'rtc.iceServers.credential',
      'rtc.iceServers.secret',
      'sources.pull.url',
      'outputs.push.url',
    ]);
    const named = keyPaths().filter((key) => /token|secret|credential|password/i.test(key));
    expect(secrets).toEqual(expect.arrayContaining(named));
  });

  it('stands in the shipped file, in its section, with a comment of its own', () => {
    const tree = parse(YAML) as Record<string, Record<string, unknown>>;
    const there = Object.entries(tree).flatMap(([section, keys]) =>
      Array.isArray(keys) ? [section] : Object.keys(keys).map((key) => `${section}.${key}`),
    );
    expect(there.sort()).toEqual([...KEYS].sort());
    expect(withoutComment(YAML, KEYS)).toEqual([]);
  });
});

it('these tests notice what is missing', () => {
  const schema = z.strictObject({
    a: z.strictObject({
      full: live(shown(z.string())),
      noReload: secret(z.string()),
      noSecrecy: restart(z.array(z.union([z.strictObject({ deep: z.string() }), z.int()]))),
    }),
  });
  expect(withoutReload(schema, ['a.full', 'a.noReload', 'a.noSecrecy'])).toEqual(['a.noReload']);
  expect(withoutSecrecy(schema)).toEqual(['a.noSecrecy.deep']);
  const yaml = '# The section.\na:\n  # Said.\n  full: 1\n  second: 2\nb:\n  first: 3\n';
  expect(withoutComment(yaml, ['a.full', 'a.second', 'b.first'])).toEqual(['a.second', 'b.first']);
});
