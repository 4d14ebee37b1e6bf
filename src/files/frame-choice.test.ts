import { expect, test } from 'vitest';
import { frameChoice } from './frame-choice.ts';

const chosen = (text: string) => Array.from({ length: 100 }, (_, n) => n).filter(frameChoice(text));

test('frames, ranges, steps, all', () => {
  expect(chosen('0,30, 97-99')).toEqual([0, 30, 97, 98, 99]);
  expect(chosen('10-40/15')).toEqual([10, 25, 40]);
  expect(chosen('all')).toHaveLength(100);
});

test.each(['', '5-2', '1/3', '0-9/0', '-1', 'x', '1,,2', '1e3'])('%j is refused', (text) => {
  expect(() => frameChoice(text)).toThrow('frames are told as');
});
