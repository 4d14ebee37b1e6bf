// npm run test:livekit: the agent against a real livekit-server. Arguments go to test/livekit/main.ts.
import { ensureInstalled, run } from './lib.mjs';

ensureInstalled();
run(process.execPath, ['--import', 'tsx', 'test/livekit/main.ts', ...process.argv.slice(2)]);
