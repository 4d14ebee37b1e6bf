// How the npm package of the SDK is built: client/package.json and the folders beside it, into client/dist.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, say } from './lib.mjs';

const CLIENT = join(ROOT, 'client');
/** Entry points by their name in dist/. The worker is one of its own: it is started by its address. */
const ENTRIES = {
  index: 'client/sdk/index.ts',
  upsample: 'client/sdk/upsample/index.ts',
  warp: 'client/sdk/warp/index.ts',
  three: 'client/three/index.ts',
  webxr: 'client/webxr/index.ts',
  node: 'client/node/index.ts',
};
const WORKERS = { 'scene-worker': 'client/sdk/sources/scene-worker.ts' };
const EXTERNAL = [/^node:/, 'three', 'werift', '@roamhq/wrtc', 'ws'];

/** Builds the modules and the declarations that go with them. */
export async function buildClientPackage() {
  say('Building depthcast-client');
  const dist = join(CLIENT, 'dist');
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  await buildModules(dist);
  await buildDeclarations(dist);
  writeFileSync(join(CLIENT, 'THIRD-PARTY.md'), thirdParty());
}

async function buildModules(dist) {
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({
    input: { ...ENTRIES, ...WORKERS },
    external: EXTERNAL,
    platform: 'browser',
    plugins: [
      { name: 'worker-addresses', transform: (code) => code.replace("'./scene-worker.ts'", "'./scene-worker.js'") },
    ],
    // What cannot be resolved would be missing for whoever installs the package.
    onLog(level, log) {
      if (level !== 'debug' && level !== 'info') throw new Error(log.message);
    },
  });
  await bundle.write({
    dir: dist,
    format: 'esm',
    chunkFileNames: 'shared-[hash].js',
    comments: { legal: true, jsdoc: false },
    sourcemap: false,
  });
  await bundle.close();
}

async function buildDeclarations(dist) {
  const { rollup } = await import('rollup');
  const { dts } = await import('rollup-plugin-dts');
  const bundle = await rollup({
    input: ENTRIES,
    external: EXTERNAL,
    plugins: [dts({ tsconfig: join(CLIENT, 'tsconfig.json') })],
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  // Browser types, also where a project for Node does not list them.
  const banner = '/// <reference lib="dom" />';
  await bundle.write({ dir: dist, format: 'es', chunkFileNames: 'shared-[hash].d.ts', banner });
  await bundle.close();
}

/** The package holds code of others, whose licences ask to be passed on. */
function thirdParty() {
  const licences = [
    ['zod', 'LICENSE'],
    ['gl-matrix', 'LICENSE.md'],
  ].map(([name, file]) => `## ${name}\n\n${readFileSync(join(ROOT, 'node_modules', name, file), 'utf8')}`);
  return `# Software of others in this package\n\n${licences.join('\n')}`;
}
