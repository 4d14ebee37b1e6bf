import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { writeFileAtomically } from './atomic-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-atomic-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('leaves one whole file, of those that write at once', async () => {
  const path = join(folder, 'a');
  const texts = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000));
  await Promise.all(texts.map((text) => writeFileAtomically(path, text, { mode: 0o600 })));
  expect(texts).toContain(readFileSync(path, 'utf8'));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['a']);
});

it('keeps what stood there, where asked to', async () => {
  const [path, keep] = [join(folder, 'b'), join(folder, 'b.before')];
  for (const text of ['one', 'two', 'three'])
    await writeFileAtomically(path, text, { keep, temporary: `${path}.part` });
  expect([path, keep].map((file) => readFileSync(file, 'utf8'))).toEqual(['three', 'two']);
});

it('leaves nothing of a write that failed', async () => {
  await expect(writeFileAtomically(join(folder, 'none', 'c'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(writeFileAtomically(folder, 'x')).rejects.toThrow();
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
});
