// npm test: installs what is missing, a browser included, and runs every test but that of the archive and
// those on a graphics device, which have commands of their own (test:package, test:gpu). Arguments go to vitest.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled, ROOT, run, runPackage, say } from './lib.mjs';

const options = { project: { type: 'string', multiple: true } };
const { project: projects } = parseArgs({ options, strict: false }).values;

/** Foreign programs that tests talk to where they are there, and Debian's packages of them. */
const FOREIGN = [
  [['/usr/bin/gnutls-cli'], ['gnutls-bin']],
  [['/usr/bin/ffmpeg', '/usr/bin/ffprobe'], ['ffmpeg']],
  [['/usr/bin/turnserver'], ['coturn']],
  [
    libraries('girepository-1.0/GstRtspServer-1.0.typelib'),
    [
      ...['python3-gi', 'gir1.2-gst-rtsp-server-1.0', 'gstreamer1.0-tools'],
      ...['good', 'bad', 'ugly'].map((set) => `gstreamer1.0-plugins-${set}`),
    ],
  ],
];

ensureInstalled();
ensureBuilt();
// Threads, processes and the command start from it in half the time that a TypeScript loader takes.
process.env.BUILT_SERVER = join(ROOT, 'dist', 'server');
if (process.env.CI === 'true') ensureForeign();
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
    if (aptInstall([aptPackage])) return;
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

/** On a machine for tests: elsewhere their tests are skipped, and say so. */
function ensureForeign() {
  const missing = FOREIGN.flatMap(([files, packages]) => (files.some((file) => existsSync(file)) ? [] : packages));
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  say(`Installing ${missing.join(' ')} (apt)`);
  if (!aptInstall(missing)) say('They could not be installed: their tests are skipped');
}

function aptInstall(packages) {
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  spawnSync('apt-get', ['update', '-qq'], options);
  const install = ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...packages];
  return spawnSync('apt-get', install, options).status === 0;
}

function libraries(file) {
  return ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/${file}`);
}
