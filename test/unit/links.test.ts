import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** As the anchors of headings are made, with -1, -2 behind those that stood before. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const counts = new Map<string, number>();
  for (const [, heading] of text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ +(.+)$/gm)) {
    const plain = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    const before = counts.get(anchor) ?? 0;
    counts.set(anchor, before + 1);
    anchors.add(before === 0 ? anchor : `${anchor}-${before}`);
  }
  return anchors;
}

it('leads from no document to what is not there', () => {
  const listed = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' });
  const dead: string[] = [];
  // Made by TypeDoc, whose anchors have rules of their own.
  for (const file of listed
    .trim()
    .split('\n')
    .filter((name) => !name.startsWith('docs/api/'))) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue;
      const [path, anchor] = link!.split('#');
      const target = path === '' ? join(ROOT, file) : resolve(ROOT, dirname(file), path!);
      const there = existsSync(target);
      const anchored =
        !anchor || !there || !statSync(target).isFile() || anchorsOf(readFileSync(target, 'utf8')).has(anchor);
      if (!there || !anchored) dead.push(`${file}: ${link}`);
    }
  }
  expect(dead).toEqual([]);
});
