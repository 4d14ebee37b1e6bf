// npm run fuzz: damaged inputs for every parser of untrusted input. Arguments go to test/fuzz/main.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'test/fuzz/main.ts', ...process.argv.slice(2)]);
