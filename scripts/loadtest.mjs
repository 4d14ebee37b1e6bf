// npm run loadtest: load from independent WebRTC peers. Arguments go to loadtest/main.ts.
import { spawn } from 'node:child_process';
import { ensureInstalled } from './lib.mjs';

ensureInstalled();
const child = spawn(process.execPath, ['--import', 'tsx', 'loadtest/main.ts', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
// Ctrl-C reaches the load test itself, which ends its streams and writes its report.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
