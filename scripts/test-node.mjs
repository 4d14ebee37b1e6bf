// npm run test:node: the unit tests, and some with peers, codecs, networks and commands, on other versions of Node than this one:
// `-- 22 24` by default, from the npm package "node". Without a registry it is skipped, which fails where CI=true.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureBuilt, ensureInstalled, ROOT, say } from './lib.mjs';

const VERSIONS = ['22', '24'];
const BEYOND_UNIT = [
  'src/cli/run.test.ts',
  'src/depth/inferencer.test.ts',
  'src/video/codec.test.ts',
  'src/webrtc/peer/peer.test.ts',
  'test/e2e/rtc.test.ts',
];

const given = process.argv.slice(2);
if (given.some((argument) => !/^\d+(\.\d+){0,2}$/.test(argument))) {
  console.log('npm run test:node -- [VERSION ...]    versions of Node, 22 and 24 by default');
  process.exit(given.includes('--help') ? 0 : 1);
}
ensureInstalled();
ensureBuilt();
const folder = mkdtempSync(join(tmpdir(), 'depthcast-node-'));
let failed = false;
try {
  for (const version of given.length > 0 ? given : VERSIONS) {
    const prefix = join(folder, version);
    const install = ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--loglevel=error', `node@${version}`];
    // Apart from this project's settings: the package gets its binary by a script of its own.
    const outside = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
    const options = { cwd: folder, env: outside, stdio: 'inherit', shell: process.platform === 'win32' };
    const { status } = spawnSync('npm', install, options);
    const bin = join(prefix, 'node_modules', 'node', 'bin');
    if (status !== 0 || spawnSync(join(bin, 'node'), ['--version'], { stdio: 'inherit' }).status !== 0) {
      console.log(`Skipped: node@${version} could not be installed`);
      failed ||= process.env['CI'] === 'true';
      continue;
    }
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}` };
    const vitest = (...args) => {
      const command = [join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args];
      const result = spawnSync(join(bin, 'node'), command, { cwd: ROOT, env, stdio: 'inherit' });
      if (result.status !== 0) failed = true;
    };
    say(`Node ${version}`);
    vitest('--project', 'unit');
    vitest('--project', 'integration', '--project', 'e2e', ...BEYOND_UNIT);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
