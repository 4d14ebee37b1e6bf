import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { globSync } from 'tinyglobby';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const BIOME = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');

/** One import each, and whether it is allowed. */
const IMPORTS = [
  ['src/depth/a.ts', '../session/b.ts', false],
  ['src/depth/engines/a.ts', '../../session/b.ts', false],
  ['src/session/a.ts', '../depth/b.ts', true],
  ['src/session/a.test.ts', '../server/b.ts', true],
  ['src/errors.ts', './protocol/b.ts', false],
  ['src/cli/a.ts', '../../client/sdk/b.ts', false],
  ['src/protocol/a.ts', 'node:fs', false],
  ['src/webrtc/rtp/a.ts', '../srtp/b.ts', false],
  ['src/webrtc/rtp/c.ts', '../../session/b.ts', false],
  ['src/webrtc/srtp/a.ts', '../rtp/b.ts', true],
  ['src/webrtc/sctp/a.ts', '../peer/b.ts', false],
  ['client/sdk/a.ts', '../page/b.ts', false],
  ['client/sdk/c.ts', '../three/b.ts', false],
  ['client/three/a.ts', '../sdk/b.ts', true],
  ['client/three/c.ts', 'node:fs', false],
  ['client/node/a.ts', 'node:fs', true],
  ['client/node/c.ts', '../../src/server/b.ts', false],
  ['client/page/a.ts', '../sdk/b.ts', true],
  ['client/page/c.ts', '../../src/server/b.ts', false],
  ['client/page/d.ts', '../../src/sources/b.ts', false],
  ['src/webrtc/deadline.ts', './rtp/b.ts', false],
  ['loadtest/a.ts', '../test/support/b.ts', true],
  ['loadtest/c.ts', '../test/e2e/b.ts', false],
  ['loadtest/d.ts', '../bench/b.ts', false],
  ['bench/a.ts', '../loadtest/b.ts', false],
  ['bench/c.ts', '../test/support/load/b.ts', true],
  ['bench/d.ts', '../test/e2e/b.ts', false],
  ['test/faults/a.ts', '../../loadtest/b.ts', false],
  ['test/support/a.ts', '../e2e/b.ts', false],
  ['test/support/load/a.ts', '../../../loadtest/b.ts', false],
  ['src/video/circle-a.ts', './circle-b.ts', false],
  ['src/video/circle-b.ts', './circle-a.ts', false],
] as const;

describe('the import boundaries', () => {
  const folder = mkdtempSync(join(tmpdir(), 'boundaries-'));
  const refused = new Set<string>();

  beforeAll(() => {
    const { vcs: _, ...config } = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8'));
    writeFileSync(join(folder, 'biome.json'), JSON.stringify(config));
    copyFileSync(join(ROOT, 'boundaries.jsonc'), join(folder, 'boundaries.jsonc'));
    for (const [file, specifier] of IMPORTS) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      writeFileSync(
        join(folder, file),
        `import type { X } from '${specifier}';\nexport type Y = X;\nexport type X = 1;\n`,
      );
    }
    const options = ['lint', '--only=style/noRestrictedImports', '--only=suspicious/noImportCycles', '--reporter=json'];
    const { stdout } = spawnSync(process.execPath, [BIOME, ...options, '--max-diagnostics=none', '.'], {
      cwd: folder,
      encoding: 'utf8',
    });
    for (const { location } of JSON.parse(stdout).diagnostics) refused.add(location.path);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(IMPORTS)('%s imports %s: %s', (file, _specifier, allowed) => {
    expect(!refused.has(file)).toBe(allowed);
  });

  it('hold for every folder of src/ and of src/webrtc/', () => {
    const rules = readFileSync(join(ROOT, 'boundaries.jsonc'), 'utf8');
    const folders = (path: string) =>
      readdirSync(join(ROOT, path), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of folders('src')) expect(rules).toContain(`["src/${name}/**"`);
    // peer/ is the top one: nothing of webrtc/ is closed to it.
    for (const { name } of folders('src/webrtc'))
      if (name !== 'peer') expect(rules).toMatch(new RegExp(`"src/webrtc/\\{?[\\w,]*\\b${name}\\b`));
  });

  it('let nobody see more of scene/ than scene.ts and y4m.ts', () => {
    const files = globSync('{src,client,bench,loadtest,test}/**/*.ts', {
      cwd: ROOT,
      ignore: ['src/scene/**', '**/node_modules/**'],
    });
    const seen = files.filter((file) =>
      /from '[^']*\/scene\/(?!(scene|y4m)\.ts)/.test(readFileSync(join(ROOT, file), 'utf8')),
    );
    expect(seen).toEqual([]);
  });
});
