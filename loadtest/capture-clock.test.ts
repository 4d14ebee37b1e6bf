import { describe, expect, test } from 'vitest';
import { seededRandom } from '../test/support/impair/impairment.ts';
import { CaptureClock } from './capture-clock.ts';

/** Frames that are on their way through encoder, server and network. */
const LAG = 5;

/** A sender that captures unevenly, whose clock is read a little before its own, and whose timestamps are whole ms. */
function* sender({ offset = 123_456_789, interval = 66.7, uneven = 8, seed = 1, start = 1e6 } = {}) {
  const random = seededRandom(seed);
  for (let frame = 0; ; frame++) {
    const at = start + frame * interval + (2 * random() - 1) * uneven;
    const until = at + 0.1 + 3 * random() ** 4;
    const captured = at + (until - at) * random();
    const timestamp = (offset + 90 * Math.floor(captured)) % 2 ** 32;
    yield { frame, at, until, timestamp };
  }
}

function run(clock: CaptureClock, count: number, options: Parameters<typeof sender>[0] = {}, every = 1) {
  const result = { right: 0, wrong: 0, unknown: 0 };
  const underway: { frame: number; timestamp: number }[] = [];
  for (const { frame, at, until, timestamp } of sender(options)) {
    if (frame === count) break;
    clock.captured(frame, at, until);
    // Encoders drop some.
    if (frame % every === 0) underway.push({ frame, timestamp });
    if (frame < LAG || frame % every !== 0) continue;
    const arrived = underway.shift()!;
    clock.learn(arrived.timestamp);
    if (!clock.settled) continue;
    const found = clock.frameOf(arrived.timestamp);
    if (found === undefined) result.unknown++;
    else if (found.frame === arrived.frame) result.right++;
    else result.wrong++;
  }
  return result;
}

describe('the rhythm of captures tells which frame a timestamp names', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i: soon, and without one mistake', (seed) => {
    expect(run(new CaptureClock(), 600, { seed, offset: seed * 500_000_000 })).toMatchObject({ wrong: 0, unknown: 0 });
    expect(run(new CaptureClock(), 600, { seed }).right).toBeGreaterThan(500);
  });

  test('at 30 fps, with two of three frames dropped by the encoder', () => {
    const { right, wrong, unknown } = run(new CaptureClock(), 900, { interval: 33.3, uneven: 6.6 }, 3);
    expect({ wrong, unknown }).toEqual({ wrong: 0, unknown: 0 });
    expect(right).toBeGreaterThan(200);
  });

  test('across the wrap of the timestamp', () => {
    const offset = (2 ** 32 - 90 * 1_010_000 + 2 ** 32) % 2 ** 32;
    expect(run(new CaptureClock(), 600, { offset })).toMatchObject({ wrong: 0, unknown: 0 });
  });

  test('an even rhythm tells nothing, and nothing is made up', () => {
    const clock = new CaptureClock();
    const result = run(clock, 300, { uneven: 0 });
    expect(result).toEqual({ right: 0, wrong: 0, unknown: 0 });
    expect(clock.settled).toBe(false);
  });

  test('a timestamp that no frame has is unknown; a sender that begins anew is learnt anew', () => {
    const clock = new CaptureClock();
    run(clock, 100);
    const stray = sender();
    const [, first] = [stray.next(), stray.next().value!];
    const { timestamp } = first;
    expect(clock.frameOf(timestamp)?.frame).toBe(1);
    expect(clock.frameOf(timestamp + 90 * 30)).toBeUndefined();
    clock.forget();
    expect(clock.frameOf(timestamp)).toBeUndefined();
    expect(run(clock, 200, { offset: 77, start: 2e6, seed: 2 }).right).toBeGreaterThan(100);
  });
});
