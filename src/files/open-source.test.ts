import { expect, it } from 'vitest';
import { parseInput } from './open-source.ts';

it.each([
  ['http://127.0.0.1/a%20b.mp4?token=1', 'a b'],
  ['http://127.0.0.1/100%.mp4', '100%'],
  ['rtsp://camera.local/', 'camera.local'],
  [`http://127.0.0.1/${'é'.repeat(200)}.mp4`, 'é'.repeat(110)],
])('names outputs after %s', (input, name) => {
  expect(parseInput(input).name).toBe(name);
});

it('refuses what is no address', () => {
  expect(() => parseInput('http://')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
});
