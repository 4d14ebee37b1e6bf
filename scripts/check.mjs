// npm run check: types, lint and format, import boundaries, dead code.
import { ensureInstalled, run, runPackage, say } from './lib.mjs';

ensureInstalled();
say('Types');
for (const project of ['tsconfig.json', 'client/tsconfig.json', 'test/tsconfig.json'])
  runPackage('typescript', ['-p', project]);
say('Boundaries between rooms');
run(process.execPath, ['scripts/boundaries.mjs', '--check']);
say('Documents made from sources');
run(process.execPath, ['scripts/configuration-doc.mjs', '--check']);
run(process.execPath, ['scripts/dashboard.mjs', '--check']);
say('Lint and format');
runPackage('@biomejs/biome', ['ci', '--diagnostic-level=warn', '--error-on-warnings']);
say('Dead code');
runPackage('knip', []);
say('All checks passed');
