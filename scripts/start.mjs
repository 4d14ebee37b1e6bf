// npm start: installs what is missing, builds what has changed, serves.
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, ROOT } from './lib.mjs';

ensureInstalled();
ensureBuilt();
process.argv.splice(2, 0, 'serve');
await import(pathToFileURL(`${ROOT}/dist/server/cli/main.js`).href);
