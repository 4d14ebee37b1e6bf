// npm start: installs what is missing, builds what has changed, serves.
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, ROOT, say } from './lib.mjs';

ensureInstalled();
ensureBuilt();
// What only prints something has nothing to wait for.
if (!process.argv.some((argument) => ['-h', '--help', '--print-config'].includes(argument))) say('Loading the network');
process.argv.splice(2, 0, 'serve');
await import(pathToFileURL(`${ROOT}/dist/server/cli/main.js`).href);
