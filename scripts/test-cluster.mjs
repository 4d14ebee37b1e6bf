// npm run test:cluster: three servers behind two balancers. Arguments go to test/cluster/main.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'test/cluster/main.ts', ...process.argv.slice(2)]);
