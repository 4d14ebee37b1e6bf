import { type ExecFileSyncOptions, execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { startApp } from '../e2e/support/app.ts';
import { needs } from '../support/needs.ts';

const root = new URL('../../', import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(join(root, 'client/package.json'), 'utf8')) as { version: string };
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>;
};
/** Bytes of the core, all that `import 'depthcast-client'` loads, as gzip sends them. */
const CORE_LIMIT = 40 * 1024;

/** An application in TypeScript; its second half runs in Node against a server. */
const APPLICATION = `
import { connect, type DepthFrame, DepthError, DepthHistory, type SessionOptions, VERSION } from 'depthcast-client';
import { connect as connectNode, openPictures } from 'depthcast-client/node';
import { DepthOccluder, DepthPointCloud, matchCamera } from 'depthcast-client/three';
import { coverRegion, DepthInformation } from 'depthcast-client/webxr';

export const options: SessionOptions = { source: { kind: 'camera', facing: 'environment' }, output: { data: 'u16' } };
export const inBrowser = (): Promise<{ close(): void }> => connect(options);
export const history: DepthHistory = new DepthHistory();
export const parts = [DepthOccluder, DepthPointCloud, matchCamera, coverRegion];
// @ts-expect-error: no such codec
export const wrong: SessionOptions = { source: { kind: 'camera' }, codec: 'VP7' };

const source = await openPictures();
const [width, height] = [320, 240];
const data = new Uint8Array((width * height * 3) / 2);
let n = 0;
const timer = setInterval(() => {
  for (let i = 0; i < width * height; i++) data[i] = 16 + ((i + 3 * n) % width) / 2;
  data.fill(128, width * height);
  source.push({ width, height, data });
  n++;
}, 66);
const frames: DepthFrame[] = [];
const session = await connectNode({ server: process.argv[2]!, source, onError: (e: DepthError) => console.error(e.message) });
await new Promise<void>((resolve) => session.on('depth', (frame) => frames.push(frame) === 5 && resolve()));
clearInterval(timer);
const last = frames.at(-1)!;
const scale = { scale: 0, shift: 0.5 };
const metres = new DepthInformation(last, { scale }).getDepthInMeters(0.5, 0.5);
console.log(JSON.stringify({ VERSION, width: last.width, values: last.values.length, metres, server: session.server?.name }));
session.close();
process.exit(0);
`;

describe(
  'the npm package of the SDK, installed in an empty project',
  needs(process.platform !== 'win32', 'a POSIX shell'),
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'depthcast-client-'));
    let server: DepthServer & { base: string };
    afterAll(async () => {
      rmSync(folder, { recursive: true, force: true });
      await server.close();
    });

    beforeAll(async () => {
      const quiet: ExecFileSyncOptions = { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] };
      execFileSync(process.execPath, [join(root, 'scripts/package-client.mjs'), folder], quiet);
      writeFileSync(
        join(folder, 'package.json'),
        JSON.stringify({ name: 'application', private: true, type: 'module' }),
      );
      const wanted = ['typescript', '@types/node', 'three', '@types/three', '@roamhq/wrtc'];
      execFileSync(
        'npm',
        [
          ...['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'],
          ...[
            `depthcast-client-${version}.tgz`,
            'ws@8.23.0',
            ...wanted.map((name) => `${name}@${devDependencies[name]}`),
          ],
        ],
        quiet,
      );
      mkdirSync(join(folder, 'src'));
      writeFileSync(join(folder, 'src/main.ts'), APPLICATION);
      server = await startApp();
    });

    const installed = join(folder, 'node_modules/depthcast-client');

    it('holds what is used, and no source', () => {
      expect(readdirSync(installed).sort()).toEqual(
        ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD-PARTY.md', 'dist', 'package.json'].sort(),
      );
      const code = readdirSync(join(installed, 'dist'), { encoding: 'utf8' })
        .filter((name) => name.endsWith('.js'))
        .map((name) => readFileSync(join(installed, 'dist', name), 'utf8'));
      // Nothing of the server, whose parts are these.
      expect(code.join('\n')).not.toMatch(/fastify|onnxruntime|node-av|prom-client/);
      const declarations = readdirSync(join(installed, 'dist'), { encoding: 'utf8' })
        .filter((name) => name.endsWith('.d.ts'))
        .map((name) => readFileSync(join(installed, 'dist', name), 'utf8'));
      expect(declarations.join('\n')).not.toMatch(/zod|\.\.\/src/);
    });

    it('has a core of less than 40 kB', () => {
      const files = new Set<string>();
      const visit = (name: string) => {
        if (files.has(name)) return;
        files.add(name);
        const code = readFileSync(join(installed, 'dist', name), 'utf8');
        for (const [, other] of code.matchAll(/from\s*"\.\/([^"]+)"/g)) visit(other!);
      };
      visit('index.js');
      const bytes = [...files].reduce(
        (sum, name) => sum + gzipSync(readFileSync(join(installed, 'dist', name))).length,
        0,
      );
      console.log(`core: ${bytes} bytes gzipped in ${files.size} files`);
      expect(files.size).toBeGreaterThan(1);
      expect(bytes).toBeLessThan(CORE_LIMIT);
    });

    it.each([
      ['bundler', { module: 'esnext', moduleResolution: 'bundler', lib: ['es2023', 'dom'] }],
      ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2023', 'dom'] }],
      [
        'nodenext, without the types of browsers',
        { module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2023'] },
      ],
    ])('compiles with strict TypeScript: %s', (_name, how) => {
      const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
      const options = {
        ...how,
        ...strict,
        target: 'es2023',
        types: ['node'],
        skipLibCheck: false,
        rootDir: 'src',
        outDir: 'out',
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['src'] }));
      const { stdout, status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(stdout).toBe('');
      expect(status).toBe(0);
    });

    it('runs in Node against a server', async () => {
      const { stdout } = await promisify(execFile)(process.execPath, ['out/main.js', server.base], {
        cwd: folder,
        timeout: 120_000,
      });
      const seen = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>;
      expect(seen).toMatchObject({ VERSION: version, server: 'depthcast test', metres: 2 });
      expect(seen['values']).toBeGreaterThan(10_000);
    });
  },
);

it('has a reference that says what its docstrings say', { timeout: 300_000 }, () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/api-docs.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
});
