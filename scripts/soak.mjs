// npm run soak: endurance of streams, or with --page of a page for mixers in a browser. Arguments go to test/faults/.
import { ensureBuilt, ensureInstalled, run } from './lib.mjs';

const args = process.argv.slice(2);
const page = args.some((argument) => argument.startsWith('--page'));
ensureInstalled();
if (page) ensureBuilt();
run(process.execPath, ['--import', 'tsx', `test/faults/${page ? 'page-soak' : 'soak'}.ts`, ...args]);
