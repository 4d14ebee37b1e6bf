// npm test: installs what is missing, a browser included, and runs every test but that of the archive and
// those on a graphics device, which have commands of their own (test:package, test:gpu). Arguments go to vitest.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled, run, runPackage, say } from './lib.mjs';

const options = { project: { type: 'string', multiple: true } };
const { project: projects } = parseArgs({ options, strict: false }).values;

ensureInstalled();
ensureBuilt();
if (projects === undefined || projects.includes('e2e') || projects.includes('live')) {
  const chromium = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  ensureBrowser('Chromium', chromium, 'chromium', true);
  ensureBrowser('Firefox', ['firefox', 'firefox-esr'], 'firefox-esr', false);
}
// By name: of several exclusions vitest takes each for a choice of all the others.
const everyday = ['unit', 'integration', 'fuzz', 'e2e', 'live'].map((name) => `--project=${name}`);
runPackage('vitest', ['run', ...(projects ? [] : everyday), ...process.argv.slice(2)]);

/** Uses an installed browser; else apt, as root on Debian; else playwright's download, if it is needed. */
function ensureBrowser(title, programs, aptPackage, needed) {
  const variable = `${title.toUpperCase()}_PATH`;
  if (process.env[variable] || programs.some(onPath)) return;
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    say(`Installing ${title} (apt)`);
    const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };
    spawnSync('apt-get', ['update', '-qq'], quiet);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const { status } = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', aptPackage], {
      ...quiet,
      env,
    });
    if (status === 0) return;
  }
  if (!needed) {
    say(`${title} is not here and could not be installed: its smoke test will be skipped`);
    return;
  }
  say(`Installing ${title} (playwright)`);
  run(process.execPath, ['node_modules/playwright-core/cli.js', 'install', 'chromium']);
}

function onPath(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(`${folder}/${program}`));
}
