// npm run depthcast -- COMMAND ...: the command line from a checkout; installs what is missing and builds what has changed.
import { pathToFileURL } from 'node:url';

// Files are named from where the user stands. npm starts its scripts in the root of the checkout and says here where it was.
const cwd = process.env.INIT_CWD ?? process.cwd();
const { ensureBuilt, ensureInstalled, ROOT } = await import('./lib.mjs');

ensureInstalled();
ensureBuilt();
process.chdir(cwd);
await import(pathToFileURL(`${ROOT}/dist/server/cli/main.js`).href);
