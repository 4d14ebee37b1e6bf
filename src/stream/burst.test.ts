import { describe, expect, it } from 'vitest';
import { type Arrived, BurstRule } from './burst.ts';

/** A worker that takes `busy` ms a picture. @returns which frames it made depth of, and how many ms they had waited */
function work(arrivals: readonly Arrived[], busy: number): { made: number[]; waited: number[] } {
  const rule = new BurstRule();
  const [made, waited]: [number[], number[]] = [[], []];
  let waiting: Arrived[] = [];
  let freeAt = 0;
  const until = (now: number) => {
    while (waiting.length > 0 && freeAt <= now) {
      const next = waiting.shift()!;
      const begins = Math.max(freeAt, next.at);
      made.push(next.rtpTimestamp / 3000);
      waited.push(begins - next.at);
      freeAt = begins + busy;
      rule.took(busy);
    }
  };
  for (const arrival of arrivals) {
    until(arrival.at);
    while (waiting.length > 0 && !rule.keeps(waiting, arrival)) waiting.shift();
    waiting = [...waiting, arrival];
    until(arrival.at);
  }
  until(Number.POSITIVE_INFINITY);
  return { made, waited };
}

const frames = (count: number, at: (n: number) => number): Arrived[] =>
  Array.from({ length: count }, (_, n) => ({ at: at(n), rtpTimestamp: 3000 * n }));

describe('pictures that come together', () => {
  it('are all worked off behind a repair, by a worker that is quick enough', () => {
    // Frames 10 to 16 come when 10 was repaired.
    const { made, waited } = work(
      frames(60, (n) => (n >= 10 && n <= 16 ? 16 : n) * 33),
      15,
    );
    expect(made).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(Math.max(...waited)).toBeLessThan(150);
    expect(waited.slice(-20).every((ms) => ms === 0)).toBe(true);
  });

  it('let the newest win where the worker is too slow', () => {
    const { made, waited } = work(
      frames(300, (n) => 33 * n),
      100,
    );
    expect(made.length).toBeLessThan(110);
    expect(Math.max(...waited)).toBeLessThanOrEqual(100);
  });

  it('let the newest win where a worker that is too slow gets them two at a time, or all of half a second', () => {
    for (const together of [2, 15]) {
      const { waited } = work(
        frames(300, (n) => 33 * together * Math.floor(n / together)),
        60,
      );
      // Those of the first burst wait for their turns: until then nobody knows how slow the worker is.
      expect(Math.max(...waited.slice(10))).toBeLessThanOrEqual(60);
    }
  });

  it('never wait long, whatever their timestamps say', () => {
    const { waited } = work(
      frames(300, (n) => (n % 15 === 0 ? n * 33 : Math.ceil(n / 15) * 15 * 33)),
      100,
    );
    expect(Math.max(...waited)).toBeLessThanOrEqual(900);
    const jumping = frames(300, (n) => 33 * n).map(({ at }, n) => ({ at, rtpTimestamp: (n * 0x1234_5678) >>> 0 }));
    expect(Math.max(...work(jumping, 100).waited)).toBeLessThanOrEqual(900);
  });
});
