import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const FILES = ['architecture.md', ...readdirSync(join(ROOT, 'docs/adr')).map((name) => `adr/${name}`)];

it.each(FILES)('docs/%s names files and folders that exist', (name) => {
  const text = readFileSync(join(ROOT, 'docs', name), 'utf8');
  const paths = [...text.matchAll(/`([\w.-]+(?:\/[\w.-]+)*(?:\/|\.(?:ts|mjs|md|jsonc|yaml|wasm)))`/g)].map(
    ([, path]) => path!,
  );
  const missing = paths.filter((path) => !['', 'src', 'src/webrtc'].some((base) => existsSync(join(ROOT, base, path))));
  expect(missing).toEqual([]);
});
