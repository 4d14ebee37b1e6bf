// npm run fuzz: damaged inputs for everything that reads what strangers send. Arguments go to test/fuzz/main.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'test/fuzz/main.ts', ...process.argv.slice(2)]);
