import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from './printable.ts';

describe('foreign text', () => {
  it.each([
    ['\u001b[2J\u001b]0;title\u0007', '\\u001b[2J\\u001b]0;title\\u0007'],
    ['a\r\n{"level":30,"msg":"forged"}', 'a\\u000d\\u000a{"level":30,"msg":"forged"}'],
    ['\u009b2J and \u007f', '\\u009b2J and \\u007f'],
    ['exe\u202egnp.txt', 'exe\\u202egnp.txt'],
    ['a\u2028b\u2029c\u200bd\ufeff', 'a\\u2028b\\u2029c\\u200bd\\ufeff'],
    ['\u{e0041} tag', '\\udb40\\udc41 tag'],
    ['half \ud800 a pair', 'half \\ud800 a pair'],
  ])('%j shows what it is', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it.each(['Zürich, 深度, عمق, 👍🏽', '~/Videos/a b.mp4', 'C:\\u001b'])('%s stays as it is', (text) => {
    expect(printable(text)).toBe(text);
  });

  it('is one line without control characters, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).toMatch(/^\P{Cc}*$/u);
        expect(printable(text)).not.toMatch(/\p{Cs}/u);
      }),
    );
  });

  it('within a line of JSON means the same as before', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const line = JSON.stringify({ text: `\u009b\u202e${text}` });
        expect(JSON.parse(printable(line))).toEqual({ text: `\u009b\u202e${text}` });
      }),
    );
  });
});
