// npm run package:client [-- FOLDER]: makes FOLDER/depthcast-client-VERSION.tgz, the npm package of the SDK.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(process.env.INIT_CWD ?? process.cwd(), process.argv[2] ?? '.');
const { ensureInstalled, ROOT, run, say } = await import('./lib.mjs');

ensureInstalled();
const { buildClientPackage } = await import('./lib-client.mjs');
await buildClientPackage();
say(`Packing into ${folder}`);
mkdirSync(folder, { recursive: true });
copyFileSync(join(ROOT, 'LICENSE'), join(ROOT, 'client', 'LICENSE'));
run('npm', ['pack', '--loglevel=error', '--pack-destination', folder], {
  cwd: join(ROOT, 'client'),
  shell: process.platform === 'win32',
});
