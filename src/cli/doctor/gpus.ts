import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Finding, inArea } from './finding.ts';

const run = promisify(execFile);
const { ok, warn } = inArea('parts');
const NVIDIA = '0x10de';
/** Class codes of display controllers (PCI Code and ID Assignment, base class 03h). */
const DISPLAY = /^0x03/;

/** Graphics processors, whether they can be used or not. Depth runs on the CPU either way. */
export async function gpus(): Promise<Finding[]> {
  const findings: Finding[] = [];
  const driver = existsSync('/proc/driver/nvidia/version');
  try {
    const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'];
    const { stdout } = await run('nvidia-smi', query, { timeout: 8000, killSignal: 'SIGKILL' });
    for (const line of stdout.trim().split('\n')) findings.push(ok('GPU', line.trim()));
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    if (!missing || driver)
      findings.push(
        warn(
          'GPU',
          missing ? 'an NVIDIA driver without nvidia-smi' : 'nvidia-smi does not answer',
          'the driver and its tools do not fit: install both from one release, and restart',
        ),
      );
    else if (pciDevices().some(({ vendor }) => vendor === NVIDIA))
      findings.push(warn('GPU', 'an NVIDIA card without a driver', 'install the NVIDIA driver to make it usable'));
  }
  const nodes = existsSync('/dev/dri') ? readdirSync('/dev/dri').filter((name) => name.startsWith('renderD')) : [];
  for (const name of nodes) {
    const path = join('/dev/dri', name);
    try {
      accessSync(path, constants.R_OK | constants.W_OK);
      findings.push(ok('GPU', `${path} can be opened`));
    } catch {
      findings.push(
        warn('GPU', `${path} may not be opened`, 'add this user to the group that owns it: usermod -aG render USER'),
      );
    }
  }
  return findings.length > 0 ? findings : [ok('GPU', 'none seen; depth runs on the CPU')];
}

function pciDevices(folder = '/sys/bus/pci/devices'): { vendor: string }[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    try {
      const read = (file: string) => readFileSync(join(folder, name, file), 'utf8').trim();
      return DISPLAY.test(read('class')) ? [{ vendor: read('vendor') }] : [];
    } catch {
      return [];
    }
  });
}
