// npm run worker-kills: the depth worker dies again and again. Arguments go to test/faults/worker-kills.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'test/faults/worker-kills.ts', ...process.argv.slice(2)]);
