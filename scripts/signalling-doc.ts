// npm run check: compares the tables of docs/signalling.md with the schemas of src/protocol/: every message, key, value and
// subject stands in both, and what may be left out bears a question mark.
import { readFileSync } from 'node:fs';
import {
  clientMessage,
  ERROR_SUBJECTS,
  outputSettings,
  serverMessage,
  sessionStats,
} from '../src/protocol/messages.ts';

const FILE = 'docs/signalling.md';
const text = readFileSync(new URL(`../${FILE}`, import.meta.url), 'utf8');

/** Rows of the table with this heading: the names in its first column, and the text of its second. */
function table(heading: string): Map<string, string> {
  const lines = text
    .slice(text.indexOf(`| ${heading} |`))
    .split('\n')
    .slice(2);
  const rows = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('|')),
  );
  const cells = rows.map((row) => row.split(/(?<!\\)\|/).map((cell) => cell.trim()));
  return new Map(cells.flatMap(([, names = '', second = '']) => quoted(names).map((name) => [name, second] as const)));
}

/** What stands between back quotes, with the question mark behind it. */
const quoted = (cell: string): string[] =>
  [...cell.matchAll(/`([^`]+)`(\??)/g)].map(([, name, mark]) => `${name}${mark}`);

interface Shape {
  [key: string]: { def: { type: string }; safeParse(value: unknown): { success: boolean } };
}
const keys = (shape: Shape): string[] =>
  Object.entries(shape)
    .filter(([key]) => key !== 'type')
    .map(([key, schema]) => (schema.def.type === 'optional' || schema.safeParse(undefined).success ? `${key}?` : key));

const problems: string[] = [];
function compare(what: string, documented: Iterable<string>, described: Iterable<string>): void {
  const [a, b] = [new Set(documented), new Set(described)];
  for (const name of a) if (!b.has(name)) problems.push(`${what}: ${name} is in ${FILE} alone`);
  for (const name of b) if (!a.has(name)) problems.push(`${what}: ${name} is in src/protocol/ alone`);
}

for (const [heading, { def }] of [
  ['From the client', clientMessage],
  ['From the server', serverMessage],
] as const) {
  const documented = table(heading);
  const shapes = new Map<string, Shape>(def.options.map(({ shape }) => [shape.type.def.values[0]!, shape as Shape]));
  compare(heading, documented.keys(), shapes.keys());
  for (const [type, shape] of shapes) compare(type, quoted(documented.get(type) ?? ''), keys(shape));
}
const output = table('Key of `output`');
compare('output', output.keys(), Object.keys(outputSettings.shape));
for (const key of ['track', 'data', 'dataSize'] as const)
  compare(`output.${key}`, quoted(output.get(key) ?? ''), outputSettings.shape[key].options);
compare('about', table('`about`').keys(), ERROR_SUBJECTS);
compare('stats', table('Key of `stats`').keys(), Object.keys(sessionStats.shape));

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
