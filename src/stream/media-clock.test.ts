import { describe, expect, it } from 'vitest';
import { MediaClock } from './media-clock.ts';

/** Seconds of frames 1/30 s apart, whose timestamps are moved by `offset` ticks from the n-th on. */
function run(offset: (n: number) => number, pause: (n: number) => number = () => 0) {
  const clock = new MediaClock();
  const seconds = Array.from({ length: 60 }, (_, n) =>
    clock.seconds((0xffff_8000 + 3000 * n + 90 * pause(n) + offset(n)) >>> 0, 1000 + (1000 * n) / 30 + pause(n)),
  );
  return { steps: seconds.slice(1).map((time, n) => Math.round(1000 * (time - seconds[n]!))), jumps: clock.jumps };
}

describe('media time', () => {
  it('follows RTP timestamps across their wrap', () => {
    const { steps, jumps } = run(() => 0);
    expect(new Set(steps)).toEqual(new Set([33]));
    expect(jumps).toBe(0);
  });

  it.each([
    ['five hours ahead', 5 * 3600 * 90_000],
    ['an hour back', -3600 * 90_000],
    ['half a circle', 0x8000_0000],
    ['a second back', -90_000],
  ])('goes on one frame later where the clock jumps %s', (_name, ticks) => {
    const { steps, jumps } = run((n) => (n >= 30 ? ticks : 0));
    expect(steps.every((ms) => ms >= 33 && ms <= 34)).toBe(true);
    expect(jumps).toBe(1);
  });

  it.each([
    ['25', 3600, 3600],
    ['29.97', 3003, 3003],
    ['50', 1800, 1800],
    ['59.94', 1501, 1502],
  ])('keeps the ticks of %s frames a second exactly, for a day', (_name, even, odd) => {
    const clock = new MediaClock();
    const frames = 100_000;
    let ticks = 0;
    let wrong = 0;
    for (let n = 0; n < frames; n++) {
      const seconds = clock.seconds((0xfff0_0000 + ticks) >>> 0, ticks / 90);
      if (Math.round(seconds * 90_000) !== ticks) wrong++;
      // A day in few frames: pauses of whole frames.
      ticks += (n % 2 === 0 ? even : odd) * (n % 100 === 99 ? 51 : 1);
    }
    expect(wrong).toBe(0);
    expect(clock.jumps).toBe(0);
  });

  it('is not led astray by one bad stamp', () => {
    const { steps } = run((n) => (n === 30 ? 7200 * 90_000 : 0));
    expect(steps.every((ms) => ms >= 33 && ms <= 34)).toBe(true);
  });

  it('counts a pause, whether or not the sender clock went on in it', () => {
    const pause = (n: number) => (n >= 30 ? 10_000 : 0);
    expect(Math.max(...run(() => 0, pause).steps)).toBe(10_033);
    expect(Math.max(...run((n) => -90 * pause(n), pause).steps)).toBe(10_033);
  });
});
