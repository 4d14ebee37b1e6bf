import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { needs } from '../test/support/needs.ts';
import { makeFolder } from './make-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'depthcast-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

it('makes folders, those above too, with the permissions asked for; one that is there stays', async () => {
  const path = join(root, 'a', 'b', 'c');
  await Promise.all([makeFolder(path, 0o700), makeFolder(path, 0o700)]);
  await makeFolder(`${path}/`);
  for (const one of [path, join(path, '..')]) expect(statSync(one).mode & 0o777).toBe(0o700);
});

it('fails at once where nothing can be made', needs(process.platform === 'linux', '/proc'), async () => {
  await expect(makeFolder('/proc/self/depthcast/x')).rejects.toMatchObject({ code: 'ENOENT' });
  writeFileSync(join(root, 'file'), '');
  await expect(makeFolder(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  mkdirSync(join(root, 'there'));
  await makeFolder(join(root, 'there'));
});
