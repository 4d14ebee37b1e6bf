import { describe, expect, it } from 'vitest';
import { often, Pace, perSecond } from './pace.ts';

/** Looks once a second while frames and reports come, and gives the last of what was told. */
function after(
  seconds: number,
  { rate, age, report }: { rate: number; age?: number; report?: { framesIn: number; framesOut: number } },
  pace = new Pace('depth', 0),
  from = 0,
) {
  let said = pace.look(from);
  for (let ms = 50; ms <= seconds * 1000; ms += 50) {
    const now = from + ms;
    if (rate > 0 && Math.floor((ms * rate) / 1000) > Math.floor(((ms - 50) * rate) / 1000)) pace.frame(age, now);
    if (ms % 1000 !== 0) continue;
    if (report) pace.report(report, now);
    said = pace.look(now);
  }
  return said;
}

describe('how depth comes', () => {
  it('is not told where it comes well, nor before anything can be known', () => {
    expect(after(20, { rate: 15, age: 80, report: { framesIn: 30, framesOut: 15 } })).toBeUndefined();
    expect(after(2, { rate: 0 })).toBeUndefined();
    expect(after(2, { rate: 1, age: 900 })).toBeUndefined();
  });

  it('is not called slow for jitter and short pauses, whenever one looks', () => {
    const jitter = (i: number) => 180 * Math.sin(12.9898 * i + 3);
    const streams = {
      'thirty a second, with a pause of 300 ms twice a second': (i: number) => 33 * (i % 15) + 800 * Math.floor(i / 15),
      'thirty a second, with a pause of 900 ms': (i: number) => 33 * i + (i > 400 ? 900 : 0),
      'five a second, each up to 180 ms early or late': (i: number) => 200 * i + jitter(i),
      'five a second, and two that are missing': (i: number) => 200 * (i + (i > 100 ? 2 : 0)),
    };
    for (const [name, timeOf] of Object.entries(streams)) {
      const pace = new Pace('depth', 0);
      const times = Array.from({ length: 600 }, (_, i) => timeOf(i)).sort((a, b) => a - b);
      let next = 0;
      for (let now = 0; now < times.at(-1)!; now += 23) {
        while (times[next]! <= now) pace.frame(60, times[next++]);
        expect(pace.look(now), `${name}, at ${now} ms`).toBeUndefined();
      }
    }
  });

  it('is told when it stops, a second later', () => {
    const pace = new Pace('depth', 0);
    after(10, { rate: 15 }, pace);
    expect(pace.look(11_000)).toBeUndefined();
    expect(pace.look(11_100)?.short).toBe('Slow: 1 frame a second');
    expect(pace.look(13_100)?.short).toBe('No depth for 3 s');
  });

  it('is told when none comes, with a time that changes rarely', () => {
    const busy = 'the server is busy, or too weak for this.';
    expect(after(4, { rate: 0 })).toEqual({ short: 'No depth for 3 s', text: `No depth for 3 s: ${busy}` });
    expect(after(19, { rate: 0, report: { framesIn: 30, framesOut: 0 } })?.text).toBe(`No depth for 10 s: ${busy}`);
    expect(after(5000, { rate: 0 })?.short).toBe('No depth for 600 s');
  });

  it('is told with its rate and its age', () => {
    expect(after(30, { rate: 0.5, age: 4100, report: { framesIn: 30, framesOut: 0.5 } })).toEqual({
      short: 'Slow: a frame in 2 s',
      text: 'Depth comes once in 2 s, 4 s late: the server is busy, or too weak for this.',
    });
    expect(after(30, { rate: 0.25, age: 8000 })?.text).toContain('once in 4 s, 8 s late');
    expect(after(30, { rate: 1, age: 300 })).toMatchObject({
      short: 'Slow: 1 frame a second',
      text: expect.stringMatching(/^Depth comes once a second: /),
    });
    expect(after(30, { rate: 10, age: 2000 })).toMatchObject({
      short: 'Slow: 2 s late',
      text: expect.stringMatching(/^Depth comes 2 s late: /),
    });
  });

  it('is blamed on the step that is slow', () => {
    const why = (rate: number, framesIn: number, framesOut: number) =>
      after(20, { rate, report: { framesIn, framesOut } })?.text.split(': ')[1];
    expect(why(0, 0, 0)).toBe('no picture reaches the server.');
    expect(why(2, 2, 2)).toBe('few pictures reach the server.');
    expect(why(1, 2, 1)).toBe('the server is busy, or too weak for this.');
    expect(why(1, 30, 12)).toBe('the server sends 12 frames a second, and they do not come through.');
    expect(why(2, 30, 2)).toBe('the server is busy, or too weak for this.');
  });

  it('is well again only when it is clearly so, and at once forgotten with a new beginning', () => {
    const pace = new Pace('depth', 0);
    expect(after(20, { rate: 3 }, pace)).toBeDefined();
    expect(after(20, { rate: 4.5 }, pace, 20_000)).toBeDefined();
    expect(after(20, { rate: 6 }, pace, 40_000)).toBeUndefined();
    expect(after(20, { rate: 4.5 }, pace, 60_000)).toBeUndefined();
    expect(after(20, { rate: 1 }, pace, 80_000)).toBeDefined();
    pace.begin(100_000);
    expect(pace.look(102_000)).toBeUndefined();
  });

  it('goes from slow to none when it stops, and from none to slow when it comes again', () => {
    const pace = new Pace('depth', 0);
    expect(after(20, { rate: 1 }, pace)?.short).toBe('Slow: 1 frame a second');
    expect(after(12, { rate: 0 }, pace, 20_000)?.short).toBe('No depth for 10 s');
    expect(after(20, { rate: 2 }, pace, 32_000)?.short).toBe('Slow: 2 frames a second');
  });
});

it('rates are said as people say them', () => {
  expect([0, 0.1, 0.5, 0.7, 1.2, 2, 24.6].map(perSecond)).toEqual([
    'a frame in 600 s',
    'a frame in 10 s',
    'a frame in 2 s',
    '1 frame a second',
    '1 frame a second',
    '2 frames a second',
    '25 frames a second',
  ]);
  expect([0.2, 0.7, 1, 2.1, 3].map(often)).toEqual([
    'once in 5 s',
    'once a second',
    'once a second',
    'twice a second',
    '3 times a second',
  ]);
});
