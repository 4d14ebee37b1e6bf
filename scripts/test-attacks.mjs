// npm run test:attacks: what no honest peer sends, against the transports. Arguments go to test/attacks/main.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'test/attacks/main.ts', ...process.argv.slice(2)]);
