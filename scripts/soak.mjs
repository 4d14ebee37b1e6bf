// npm run soak: endurance. Arguments go to test/faults/soak.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'test/faults/soak.ts', ...process.argv.slice(2)]);
