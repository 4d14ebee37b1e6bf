import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { needs } from '../support/needs.ts';
import { PROGRAM } from '../support/program.ts';
import { until } from './support/app.ts';

const CLI = [process.execPath, ...PROGRAM];
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

describe('a full disk', needs(mayMount, 'the right to mount (Linux, root)'), () => {
  it('ends a run with what is wrong, and keeps what was written', () => {
    const out = join(folder, 'out');
    const kept = mkdtempSync(join(tmpdir(), 'depthcast-kept-'));
    // The disk is gone when the command ends.
    const andKeep = ['sh', '-c', '"$@"; code=$?; cp "$0"/out/* "$KEPT"; exit $code', folder];
    const { status, stderr } = onSmallDisk(800, [
      'env',
      `KEPT=${kept}`,
      ...andKeep,
      ...CLI,
      'run',
      'scene:room@320x240',
      '--out',
      out,
      '--save-npz',
      '--max-len',
      '40',
    ]);
    expect(stderr).toMatch(/No space is left on the disk/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(status).toBe(1);
    const archive = readFileSync(join(kept, 'scene-room_depths.npz'));
    rmSync(kept, { recursive: true });
    const frames = Number(/'shape': \((\d+), 240, 320\)/.exec(archive.toString('latin1', 0, 400))?.[1]);
    expect(frames).toBe(2);
    const start = 30 + archive.readUInt16LE(26) + archive.readUInt16LE(28);
    const end = archive.indexOf(Buffer.from('PK\x01\x02', 'latin1'), start + frames * 4 * 320 * 240);
    expect(crc32(archive.subarray(start, end))).toBe(archive.readUInt32LE(14));
    expect(archive.indexOf(Buffer.from('PK\x05\x06', 'latin1'), end)).toBeGreaterThan(end);
  });
});

describe('a full disk for the log', needs(existsSync('/dev/full'), '/dev/full (Linux)'), () => {
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
