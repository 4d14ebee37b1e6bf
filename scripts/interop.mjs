// npm run test:interop: foreign WebRTC peers against the server. Arguments go to test/interop/main.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'test/interop/main.ts', ...process.argv.slice(2)]);
