// Writes the import rules of biome.json from the one list of rooms, top to bottom: a room may import
// only rooms that stand below it. `node scripts/boundaries.mjs --check` fails when they differ.
import { readFileSync, writeFileSync } from 'node:fs';

const ROOMS = [
  'cli',
  'server',
  'session',
  'evaluation',
  'files',
  'webrtc',
  'video',
  'depth',
  'model',
  'scene',
  'metrics',
  'config',
  'protocol',
];
// Rooms that also run in the browser: no Node API there.
const BROWSER_ROOMS = ['protocol', 'scene'];

const file = new URL('../biome.json', import.meta.url);
const text = readFileSync(file, 'utf8');
const biome = JSON.parse(text);

const rule = (patterns) => ({
  linter: { rules: { style: { noRestrictedImports: { level: 'error', options: { patterns } } } } },
});

biome.overrides = biome.overrides.filter((o) => !o.includes.some((i) => i.startsWith('src/')));
ROOMS.forEach((room, i) => {
  const above = ROOMS.slice(0, i);
  const patterns = above.map((r) => ({
    group: [`**/${r}/**`],
    message: `${room}/ stands below ${r}/ and may not import from it.`,
  }));
  if (BROWSER_ROOMS.includes(room))
    patterns.push({ group: ['node:*'], message: `${room}/ runs in the browser too: no Node API here.` });
  if (patterns.length > 0)
    biome.overrides.push({ includes: [`src/${room}/**`, `!src/${room}/**/*.test.ts`], ...rule(patterns) });
});
biome.overrides.push({
  includes: ['src/codecs.ts', 'src/errors.ts', 'src/threads.ts'],
  ...rule([{ group: ['./**'], message: 'This is the floor of the house: it imports no room.' }]),
});

const next = `${JSON.stringify(biome, null, 2)}\n`;
if (process.argv.includes('--check')) {
  if (next !== text) {
    console.error('biome.json does not match the list of rooms: run node scripts/boundaries.mjs');
    process.exit(1);
  }
} else writeFileSync(file, next);
