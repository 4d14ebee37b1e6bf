// npm run check: the lock file, types, lint and format, import boundaries, dead code.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ensureInstalled, ROOT, run, runPackage, say } from './lib.mjs';

ensureInstalled();
say('Lock file');
checkLockFile();
say('Types');
for (const project of ['tsconfig.json', 'client/tsconfig.json', 'test/tsconfig.json'])
  runPackage('typescript', ['-p', project]);
say('Documents made from sources');
run(process.execPath, ['--import', 'tsx', 'scripts/configuration-doc.mjs', '--check']);
run(process.execPath, ['scripts/dashboard.mjs', '--check']);
run(process.execPath, ['--import', 'tsx', 'scripts/signalling-doc.ts']);
run(process.execPath, ['--import', 'tsx', 'scripts/errors-doc.ts', '--check']);
say('Lint, format and import boundaries');
runPackage('@biomejs/biome', ['ci', '--diagnostic-level=warn', '--error-on-warnings']);
say('Dead code');
runPackage('knip', []);
say('All checks passed');

/** Does `npm ci` take the lock file here, and does it name no registry? npm leaves out what it cannot see; see CONTRIBUTING. */
function checkLockFile() {
  const options = { cwd: ROOT, encoding: 'utf8', shell: process.platform === 'win32' };
  const { status, stderr } = spawnSync('npm', ['ci', '--dry-run', '--offline', '--loglevel=error'], options);
  const { packages } = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, 'utf8'));
  const addressed = Object.keys(packages).filter((path) => packages[path].resolved !== undefined);
  if (status === 0 && addressed.length === 0) return;
  console.error(stderr);
  for (const path of addressed) console.error(`package-lock.json names an address for ${path}`);
  console.error('Write it anew: npm install --package-lock-only');
  process.exit(1);
}
