// npm run test:gpu: networks on a graphics device, a software one where none is named (VK_DRIVER_FILES). What is missing is
// installed by apt as root on Debian; else the run is skipped and says why, which fails where CI=true. Arguments go to vitest.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { globSync } from 'tinyglobby';
import { ensureInstalled, say } from './lib.mjs';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
/** Several times what it takes on two cores that others use too. */
const LIMIT_MS = 1_500_000;
const SWIFTSHADER_LIBRARY = '/usr/lib/chromium/libvk_swiftshader.so';

ensureInstalled();
const driver = findDriver() ?? (installDriver() ? findDriver() : undefined);
if (driver === undefined) skip('no Vulkan device: apt install chromium libvulkan1 brings a software one');
const folder = mkdtempSync(join(tmpdir(), 'depthcast-test-gpu-'));
const env = { ...process.env, VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, ORT_DISABLE_TELEMETRY: '1' };
env.XDG_RUNTIME_DIR ??= folder;
if (driver === SWIFTSHADER) loseable();
say(`Vulkan by ${driver}`);
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'gpu', ...process.argv.slice(2)];
const limit = { timeout: LIMIT_MS, killSignal: 'SIGKILL' };
const { status, error } = spawnSync(process.execPath, vitest, { stdio: 'inherit', env, ...limit });
rmSync(folder, { recursive: true });
if (error)
  say(`test:gpu was ended: ${error.code === 'ETIMEDOUT' ? `it took ${LIMIT_MS / 60_000} minutes` : error.message}`);
process.exit(status ?? 1);

function findDriver() {
  const named = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  if (named) return named;
  return existsSync(SWIFTSHADER) && existsSync(SWIFTSHADER_LIBRARY) && loader() ? SWIFTSHADER : undefined;
}

function loader() {
  return ['/usr/lib', '/lib'].some((root) => globSync(`${root}/*-linux-gnu/libvulkan.so.1`).length > 0);
}

function installDriver() {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return false;
  say('Installing a software Vulkan device (apt)');
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  spawnSync('apt-get', ['update', '-qq'], options);
  const packages = ['chromium', 'libvulkan1'];
  return spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options).status === 0;
}

/** Puts a driver in front of SwiftShader that loses the device while a file is there; without a C compiler, none. */
function loseable() {
  const library = join(folder, 'libloseable.so');
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, 'test/gpu/loseable.c', '-ldl']);
  if (status !== 0) return;
  const icd = join(folder, 'loseable.json');
  const file = { file_format_version: '1.0.0', ICD: { library_path: library, api_version: '1.1.0' } };
  writeFileSync(icd, JSON.stringify(file));
  env.VK_DRIVER_FILES = icd;
  env.VK_ICD_FILENAMES = icd;
  env.LOSEABLE_REAL_DRIVER = SWIFTSHADER_LIBRARY;
  env.LOSEABLE_LOSE_FILE = join(folder, 'lose');
}

function skip(reason) {
  say(`test:gpu is skipped: ${reason}`);
  process.exit(process.env.CI === 'true' ? 1 : 0);
}
