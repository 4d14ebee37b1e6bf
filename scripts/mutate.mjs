// npm run mutate: do the tests notice faults? Arguments go to test/mutation/main.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'test/mutation/main.ts', ...process.argv.slice(2)]);
