// npm run docs:api: writes docs/api/ from the docstrings of the SDK. `-- --check` fails where the files differ. TypeDoc has a
// folder of its own: it wants another TypeScript than the one that checks this repository.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled, ROOT, run, say } from './lib.mjs';

const TOOLS = {
  typedoc: '0.28.20',
  'typedoc-plugin-markdown': '4.14.1',
  typescript: 'npm:@typescript/typescript6@6.0.2',
};
const ENTRIES = ['sdk', 'sdk/upsample', 'sdk/warp', 'three', 'webxr', 'node'];
const WANTED = join(ROOT, 'docs', 'api');

ensureInstalled();
const tools = installTools();
const check = process.argv.includes('--check');
const out = check ? mkdtempSync(join(tmpdir(), 'depthcast-api-')) : WANTED;
try {
  generate(out);
  if (check) compare(out);
} finally {
  if (check) rmSync(out, { recursive: true });
}

function installTools() {
  const folder = join(ROOT, 'node_modules', '.cache', 'api-docs');
  const manifest = join(folder, 'package.json');
  const wanted = `${JSON.stringify({ private: true, dependencies: TOOLS })}\n`;
  if (!existsSync(join(folder, 'node_modules', 'typedoc')) || readFileSync(manifest, 'utf8') !== wanted) {
    say('Installing TypeDoc');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(manifest, wanted);
    run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], {
      cwd: folder,
      shell: process.platform === 'win32',
    });
  }
  return join(folder, 'node_modules');
}

function generate(folder) {
  say('Reading the docstrings of the SDK');
  run(process.execPath, [
    join(tools, 'typedoc', 'bin', 'typedoc'),
    ...['--plugin', join(tools, 'typedoc-plugin-markdown', 'dist', 'index.js')],
    ...['--tsconfig', 'client/tsconfig.json', '--out', folder, '--name', 'depthcast-client', '--readme', 'none'],
    ...ENTRIES.flatMap((entry) => ['--entryPoints', `client/${entry}/index.ts`]),
    ...['--excludeInternal', '--excludePrivate', '--excludeExternals', '--disableSources', '--hideBreadcrumbs'],
    ...['--outputFileStrategy', 'modules', '--validation.notExported', 'false', '--treatWarningsAsErrors'],
    ...['parametersFormat', 'interfacePropertiesFormat', 'typeDeclarationFormat'].flatMap((what) => [
      `--${what}`,
      'table',
    ]),
    ...['--logLevel', 'Warn'],
  ]);
}

function compare(made) {
  const read = (folder) =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')])
          .sort(([a], [b]) => (a < b ? -1 : 1))
      : [];
  if (JSON.stringify(read(made)) === JSON.stringify(read(WANTED))) return;
  console.error('docs/api differs from the docstrings: npm run docs:api');
  process.exitCode = 1;
}
