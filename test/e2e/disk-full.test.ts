import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from './support/app.ts';

const CLI = [process.execPath, '--import', 'tsx', 'src/cli/main.ts'];
const folder = mkdtempSync(join(tmpdir(), 'depthcast-full-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });

/** Runs a command where `folder` is a disk of a few kilobytes that nobody else sees. */
const onSmallDisk = (kilobytes: number, command: readonly string[]) =>
  spawnSync(
    'unshare',
    [
      '-m',
      'sh',
      '-c',
      'mount -t tmpfs -o size="$1"k none "$2" && shift 2 && exec "$@"',
      'sh',
      `${kilobytes}`,
      folder,
      ...command,
    ],
    { encoding: 'utf8', timeout: 100_000 },
  );
const mayMount = onSmallDisk(64, ['true']).status === 0;

describe.skipIf(!mayMount)('a full disk (needs the right to mount)', () => {
  it('ends a run with what is wrong, and keeps what was written', () => {
    const out = join(folder, 'out');
    const { status, stderr } = onSmallDisk(300, [
      ...CLI,
      'run',
      'scene:room@320x240',
      '--out',
      out,
      '--save-npz',
      '--max-len',
      '40',
    ]);
    expect(stderr).toMatch(/There is no room left on the disk/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(status).toBe(1);
  });
});

describe.skipIf(!existsSync('/dev/full'))('a disk with no room for logs', () => {
  it('does not stop the server', async () => {
    const port = await freePort();
    const full = openSync('/dev/full', 'w');
    const child = spawn(CLI[0]!, [...CLI.slice(1), 'serve', '--port', `${port}`], { stdio: ['ignore', full, full] });
    let ended: number | NodeJS.Signals | undefined;
    child.once('exit', (code, signal) => {
      ended = code ?? signal ?? undefined;
    });
    try {
      const alive = async () => {
        if (ended !== undefined) throw new Error(`the server ended: ${ended}`);
        return (await fetch(`http://127.0.0.1:${port}/livez`).catch(() => undefined))?.ok;
      };
      await until('the start', alive, 60_000);
      // Each is refused, and a line of the log.
      for (let i = 0; i < 20; i++)
        await fetch(`http://127.0.0.1:${port}/whip/x`, {
          method: 'POST',
          body: 'v=0',
          headers: { 'content-type': 'application/sdp' },
        });
      expect(await alive()).toBe(true);
      child.kill('SIGINT');
      await until('the end', () => ended !== undefined);
      expect(ended).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
