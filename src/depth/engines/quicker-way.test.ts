import { expect, it } from 'vitest';
import { QuickerWay, type Way } from './quicker-way.ts';

/** Runs frames that take so long each way; the ways that they took. */
function run(choice: QuickerWay, frames: number, times: Record<Way, number>): Way[] {
  return Array.from({ length: frames }, () => {
    const way = choice.next;
    choice.took(times[way]);
    return way;
  });
}
const share = (ways: Way[], of: Way) => ways.filter((way) => way === of).length / ways.length;

it('stays with the costly way while that is quicker, and tries the plain one now and then', () => {
  const choice = new QuickerWay();
  const ways = run(choice, 3000, { plain: 16, costly: 11 });
  expect(ways.slice(0, 15)).toEqual(new Array(15).fill('costly'));
  expect(ways.slice(15, 18)).toEqual(['plain', 'plain', 'plain']);
  expect(share(ways, 'costly')).toBeGreaterThan(0.97);
});

it('takes the plain way within a second where the costly one gains nothing', () => {
  const ways = run(new QuickerWay(), 3000, { plain: 16, costly: 15.5 });
  expect(share(ways.slice(30), 'plain')).toBeGreaterThan(0.97);
});

it('gives the costly way up when the machine gets busy, within a second, and takes it up again when it is idle', () => {
  const choice = new QuickerWay();
  run(choice, 300, { plain: 16, costly: 11 });
  const busy = run(choice, 600, { plain: 18, costly: 30 });
  expect(share(busy.slice(30), 'plain')).toBeGreaterThan(0.97);
  const idle = run(choice, 600, { plain: 16, costly: 11 });
  expect(share(idle.slice(160), 'costly')).toBeGreaterThan(0.95);
});

it('does not go to and fro where both take about as long', () => {
  const choice = new QuickerWay();
  run(choice, 300, { plain: 16, costly: 11 });
  const ways = run(choice, 3000, { plain: 16, costly: 14.4 });
  expect(share(ways, 'costly')).toBeGreaterThan(0.97);
});

it('says how much longer the plain way takes, once it knows', () => {
  const choice = new QuickerWay();
  run(choice, 10, { plain: 16, costly: 11 });
  expect(choice.gain).toBe(1);
  run(choice, 300, { plain: 16, costly: 11 });
  expect(choice.gain).toBeCloseTo(16 / 11, 2);
  run(choice, 600, { plain: 12, costly: 30 });
  expect(choice.gain).toBe(1);
});

it('does not give the costly way up for one frame that had to wait', () => {
  const choice = new QuickerWay();
  run(choice, 200, { plain: 16, costly: 11 });
  expect(run(choice, 1, { plain: 16, costly: 120 })).toEqual(['costly']);
  expect(choice.next).toBe('costly');
});

it('is not led astray by the first frame of a trial, which is slow', () => {
  const choice = new QuickerWay();
  let before: Way = 'costly';
  const ways = Array.from({ length: 2000 }, () => {
    const way = choice.next;
    const time = way === 'costly' ? 11 : 16;
    choice.took(way === before ? time : time * 3);
    before = way;
    return way;
  });
  expect(share(ways, 'costly')).toBeGreaterThan(0.95);
});
