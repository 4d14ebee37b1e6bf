// npm run package [-- FOLDER]: makes FOLDER/depthcast-VERSION.tgz, which `npm install -g --ignore-scripts` takes. It holds
// what package.json names under "files". Not `npm pack` alone: that would pack what happens to stand in dist/.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';

const folder = resolve(process.env.INIT_CWD ?? process.cwd(), process.argv[2] ?? '.');
const { ensureBuilt, ensureInstalled, run, say } = await import('./lib.mjs');

ensureInstalled();
ensureBuilt();
say(`Packing into ${folder}`);
mkdirSync(folder, { recursive: true });
run('npm', ['pack', '--loglevel=error', '--pack-destination', folder], { shell: process.platform === 'win32' });
