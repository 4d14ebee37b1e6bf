// npm run bench: measures on this machine. Arguments go to bench/main.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...process.argv.slice(2)]);
