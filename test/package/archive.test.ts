import { type ExecFileSyncOptions, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '../support/needs.ts';

const root = new URL('../../', import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

/** Runs a command in a network that holds nothing but loopback. */
const OFFLINE = ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
const mayIsolate = spawnSync('unshare', [...OFFLINE, 'true']).status === 0;

describe('the archive, installed', needs(process.platform !== 'win32', 'a POSIX shell'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-archive-'));
  const depthcast = join(folder, 'prefix/bin/depthcast');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeAll(() => {
    const quiet: ExecFileSyncOptions = { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] };
    execFileSync(process.execPath, [join(root, 'scripts/package.mjs'), folder], quiet);
    execFileSync(
      'npm',
      [
        ...['install', '--global', '--ignore-scripts', '--prefer-offline', '--loglevel=error'],
        ...['--prefix', join(folder, 'prefix'), join(folder, `depthcast-${version}.tgz`)],
      ],
      quiet,
    );
  });

  /** Offline, and from a folder that has nothing to do with the checkout. */
  function run(command: readonly string[], cwd = folder) {
    const [file, ...args] = mayIsolate ? ['unshare', ...OFFLINE, ...command] : command;
    const { INIT_CWD: _, ...env } = process.env;
    return spawnSync(file!, args, { cwd, env, encoding: 'utf8', timeout: 300_000 });
  }

  it('holds what is used, and no source', () => {
    const installed = join(folder, 'prefix/lib/node_modules/depthcast');
    expect(readdirSync(installed).sort()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'config', 'dist', 'models', 'node_modules', 'package.json'].sort(),
    );
    const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => /\.(ts|map)$|\.test\.|\.built$/.test(name))).toEqual([]);
  });

  it('tells its version', () => {
    const { stdout, status } = run([depthcast, '--version']);
    expect([stdout.trim(), status]).toEqual([version, 0]);
  });

  it('makes depth of a scene, with the embedded model', () => {
    const { status, stderr } = run([
      depthcast,
      'run',
      'scene:static@96x64',
      '--out',
      'out',
      '--max-len',
      '4',
      '--save-npz',
    ]);
    expect(status, stderr).toBe(0);
    expect(readdirSync(join(folder, 'out'))).toEqual(
      expect.arrayContaining(['scene-static_vis.mp4', 'scene-static_depths.npz']),
    );
  });

  it('serves the page, and depth to a peer', () => {
    const visit = new URL('./visit.ts', import.meta.url).pathname;
    const tsx = import.meta.resolve('tsx');
    const { status, stdout, stderr } = run([process.execPath, '--import', tsx, visit, depthcast], root);
    expect(status, stdout + stderr).toBe(0);
    const seen = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
    expect(seen).toMatchObject({ badPackets: 0, status: 0 });
    expect(seen['packets']! + seen['frames']!).toBeGreaterThan(5);
    expect(seen['page']).toBeGreaterThan(500);
    expect(seen['code']).toBeGreaterThan(10_000);
  });
});
